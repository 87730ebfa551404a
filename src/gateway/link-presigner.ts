import { GatewayError } from '../base/failure.ts'
import type { KeyRing } from '../link/key-ring.ts'
import { isRefusal } from '../link/link-fields.ts'
import type { Scheme } from '../link/scheme.ts'
import { encodePath } from '../origin/http/request-text.ts'
import type { Presigner, PresignRequest } from '../origin/presign.ts'
import { siteOf } from '../request/client-site.ts'
import type { Site } from '../request/request-context.ts'

/** The longest life that S3 and Google allow; a redirect is followed at once. */
const MAX_SECONDS = 604_800

export interface LinkPresignerOptions {
  readonly scheme: Scheme
  readonly keys: KeyRing
  readonly kid: string
  /** What names are appended to, as clients call it; ends in a slash. */
  readonly url: string
  /** A folder of the URL that stands for the host, and is not signed. */
  readonly unsignedFolder?: string | undefined
}

/** Links to an HTTP origin in a format that it takes: Cloud Storage, Azure, another gateway. */
export class LinkPresigner implements Presigner {
  readonly #options: LinkPresignerOptions
  readonly #site: Site
  /** Origin of the URL, and what stands in front of the signed path. */
  readonly #front: string
  readonly #path: string

  constructor(options: LinkPresignerOptions) {
    const { origin, pathname } = new URL(options.url)
    const folder = options.unsignedFolder
    const cut = folder !== undefined && pathname.startsWith(`/${folder}/`) ? folder.length + 1 : 0
    this.#options = options
    this.#site = siteOf(options.url)
    this.#front = origin + pathname.slice(0, cut)
    this.#path = pathname.slice(cut)
  }

  async presign(request: PresignRequest): Promise<string | undefined> {
    const { name, method, now, response } = request
    const path = encodePath(name)
    if (path === undefined) return undefined
    const { scheme, keys, kid } = this.#options
    const key = keys.find(kid, scheme.name, now)
    if (!key) throw unsignable(`the key ${kid} is not active`)
    const link = scheme.sign(
      {
        path: this.#path + path,
        expiresAt: Math.min(request.expiresAt, now + MAX_SECONDS),
        // only formats that write when a link begins read it
        constraints: scheme.signsMethod ? { iat: now } : {},
        site: this.#site,
        method,
        ...(scheme.setsResponse && response && { response: given(response) }),
      },
      key,
      keys,
    )
    if (isRefusal(link)) throw unsignable(link.detail)
    return this.#front + link.target
  }
}

function given({
  contentDisposition,
  contentType,
}: NonNullable<PresignRequest['response']>): NonNullable<
  Parameters<Scheme['sign']>[0]['response']
> {
  return {
    ...(contentDisposition !== undefined && { contentDisposition }),
    ...(contentType !== undefined && { contentType }),
  }
}

function unsignable(why: string): GatewayError {
  return new GatewayError('ERR_ORIGIN_UNREACHABLE', `no link to the origin can be signed: ${why}`)
}
