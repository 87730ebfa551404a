import { readFileSync } from 'node:fs'
import type { HttpOriginConfig, S3OriginConfig } from '../config/origin-schema.ts'
import type { OriginConfig } from '../config/schema.ts'
import type { KeyRing } from '../link/key-ring.ts'
import { schemeDefinition } from '../link/schemes/registry.ts'
import { FileOrigin } from '../origin/file-origin.ts'
import { HttpOrigin } from '../origin/http-origin.ts'
import type { Origin } from '../origin/origin.ts'
import { S3Origin } from '../origin/s3-origin.ts'
import { LinkPresigner } from './link-presigner.ts'

/** The origin that a valid configuration describes. */
export function buildOrigin(config: OriginConfig, keys: KeyRing): Origin {
  switch (config.type) {
    case 'file':
      return new FileOrigin({ root: config.root })
    case 'http': {
      const { ca, ...options } = config
      return new HttpOrigin({
        ...options,
        ca: readAuthorities(ca),
        presigner: presigner(config, keys),
      })
    }
    case 's3': {
      const { ca, ...options } = config
      return new S3Origin({ ...options, ca: readAuthorities(ca), credentials: credentials(config) })
    }
    default:
      return config satisfies never
  }
}

function readAuthorities(file: string | undefined): Buffer | undefined {
  return file === undefined ? undefined : readFileSync(file)
}

function credentials({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: S3OriginConfig): ConstructorParameters<typeof S3Origin>[0]['credentials'] {
  return accessKeyId === undefined || secretAccessKey === undefined
    ? undefined
    : { accessKeyId, secretAccessKey, sessionToken }
}

function presigner({ presign, url }: HttpOriginConfig, keys: KeyRing): LinkPresigner | undefined {
  if (!presign) return undefined
  const { name, ...options } = presign.scheme
  const definition = schemeDefinition(name)
  if (!definition) throw new Error(`no scheme is called ${name}`)
  const { account } = options as { readonly account?: unknown }
  return new LinkPresigner({
    scheme: definition.create(options, { isIgnored: () => false, routePath: '/' }),
    keys,
    kid: presign.key,
    url: presign.url ?? url,
    // emulators have the account in the path; it is no part of what Azure's links sign
    unsignedFolder: name === 'azure-sas' && typeof account === 'string' ? account : undefined,
  })
}
