import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../children.ts'
import { hmacSigner, jwtSigner, newSecret, type Sign } from '../links.ts'
import { freePort, workplace } from '../workplace.ts'
import type { OriginServer } from './nginx.ts'
import type { FullPolicy } from './policy.ts'

const PRODUCT = join(import.meta.dirname, '../..')
const FILE_ROUTE = '/local'

/** The gateway of this repository, as `serve` starts it: one process, the full policy, a record of every request. */
export interface SluiceGateway {
  readonly server: ServerProcess
  readonly port: number
  readonly signHmac: Sign
  readonly signJwt: Sign
  /** Signs the same object on the route whose origin is a directory. */
  readonly signFile: Sign
}

export interface SluiceSetting {
  readonly policy: FullPolicy
  readonly nodeOptions?: readonly string[]
  /** As after `--set`: `server.port=0`. */
  readonly settings?: readonly string[]
}

export async function startSluice(
  origin: OriginServer,
  { policy, nodeOptions = [], settings = [] }: SluiceSetting,
): Promise<SluiceGateway> {
  const directory = mkdtempSync(join(workplace, 'sluice-'))
  const port = await freePort()
  const hmacSecret = newSecret()
  const jwtSecret = newSecret()
  const schemes = ['sluice-hmac', 'sluice-jwt']
  write(directory, 'keys/bench.json', {
    keys: [
      symmetricKey('bench-hmac', hmacSecret, 'sluice-hmac'),
      symmetricKey('bench-jwt', jwtSecret, 'sluice-jwt'),
    ],
  })
  write(directory, 'config/policies/default.yaml', {
    address: { pin: 'required' },
    networks: { block: ['blocked'] },
    parallel: { maxDownloads: policy.parallel, connectionsPerDownload: policy.parallel },
  })
  write(directory, 'config/gateway.yaml', {
    server: { port },
    admin: { port: await freePort() },
    origins: {
      storage: { type: 'http', url: `http://127.0.0.1:${origin.port}/files/` },
      directory: { type: 'file', root: join(origin.root, 'files') },
    },
    routes: [
      { path: '/files/', origin: 'storage', schemes },
      { path: `${FILE_ROUTE}/files/`, origin: 'directory', schemes },
    ],
    lists: { blocked: { file: policy.blocklist } },
    records: { access: '../access.jsonl', audit: '../audit.jsonl' },
  })
  const server = new ServerProcess({
    command: process.execPath,
    args: [
      ...nodeOptions,
      join(PRODUCT, 'src/main.ts'),
      'serve',
      '--config',
      join(directory, 'config/gateway.yaml'),
      ...settings.flatMap((setting) => ['--set', setting]),
    ],
    logFile: join(directory, 'output.log'),
  })
  await server.listening(port)
  const signHmac = hmacSigner(hmacSecret, 'bench-hmac')
  return {
    server,
    port,
    signHmac,
    signJwt: jwtSigner(jwtSecret, 'bench-jwt'),
    signFile: (path, expires, client) => signHmac(FILE_ROUTE + path, expires, client),
  }
}

function symmetricKey(kid: string, secret: string, scheme: string): object {
  const k = Buffer.from(secret).toString('base64url')
  return { kty: 'oct', kid, alg: 'HS256', k, schemes: [scheme] }
}

function write(directory: string, name: string, content: object): void {
  const file = join(directory, name)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 })
}
