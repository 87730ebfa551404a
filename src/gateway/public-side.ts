import type { GatewayConfig } from '../config/schema.ts'
import { DownloadHandler } from '../http/download-handler.ts'
import {
  createPublicServer,
  type PublicServer,
  type PublicServerOptions,
} from '../http/http-server.ts'
import { recordOfRefusedBytes } from '../http/refused-bytes.ts'
import type { Services } from '../http/services.ts'
import { KernelCopier } from '../kernel-copy/kernel-copier.ts'
import type { LiveCertificate } from './live-certificate.ts'
import type { Runtime } from './runtime.ts'

type ServerConfig = GatewayConfig['server']

export interface PublicSideOptions {
  readonly config: Pick<ServerConfig, 'kernelCopy' | 'proxyProtocol' | 'tls'>
  /** Of a port that speaks TLS. */
  readonly certificate: LiveCertificate | undefined
  readonly services: Omit<Services, 'copier'>
  readonly runtime: () => Runtime
  /** What comes in front of the downloads, with several processes. */
  readonly before?: (handle: Handle) => Handle
}

type Handle = PublicServerOptions['handle']

/** Whether large bodies may leave without passing through the process that serves them. */
export function copiesInKernel(config: PublicSideOptions['config']): boolean {
  return copierFor(config) !== undefined
}

/** TLS is made in this process, so its bytes have to pass here. */
function copierFor({ kernelCopy, tls }: PublicSideOptions['config']): KernelCopier | undefined {
  return kernelCopy === 'off' || tls ? undefined : KernelCopier.load()
}

/** The public port as it is configured, before it listens. */
export function openPublicSide({
  config,
  certificate,
  services,
  runtime,
  before = (handle) => handle,
}: PublicSideOptions): PublicServer {
  const { clock, records } = services
  const handler = new DownloadHandler({ ...services, copier: copierFor(config) }, runtime)
  const server = createPublicServer({
    certificate: certificate?.current,
    handle: before((request, response) => {
      handler.handle(request, response)
    }),
    proxyProtocol: config.proxyProtocol,
    trustedProxies: () => runtime().trustedProxies,
    onProtocolError: (refused) => {
      records.write(recordOfRefusedBytes(refused, clock.now()))
    },
  })
  certificate?.onChange((next) => {
    server.useCertificate(next)
  })
  return server
}
