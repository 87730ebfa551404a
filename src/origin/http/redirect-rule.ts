import { GatewayError } from '../../base/failure.ts'

const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** Which redirects of an origin may be followed: back to itself, and to the hosts named for it. */
export class RedirectRule {
  /** Allowed targets as `scheme://host[:port]`. */
  readonly #origins: ReadonlySet<string>

  /** `hosts` are `host` or `host:port`; without a port, the scheme's own. Throws `TypeError` for others. */
  constructor(base: URL, hosts: readonly string[]) {
    this.#origins = new Set([base.origin, ...hosts.flatMap(originsOf)])
  }

  /** Where a redirect leads. Throws `GatewayError` for a place it may not lead to. */
  next(current: URL, location: string | undefined): URL {
    return redirectTarget(current, location, (url) => this.#origins.has(url.origin))
  }
}

/** Where a redirect leads. Throws `GatewayError` for a place it may not lead to. */
export function redirectTarget(
  current: URL,
  location: string | undefined,
  isAllowed: (url: URL) => boolean,
): URL {
  const url =
    location !== undefined && VISIBLE_ASCII.test(location)
      ? URL.parse(location, current.href)
      : null
  if (!url) throw refused('a redirect without a usable Location')
  if (url.username !== '' || url.password !== '')
    throw refused('a redirect that carries credentials')
  if (!isAllowed(url)) throw refused('a redirect to a host that is not allowed')
  if (current.protocol === 'https:' && url.protocol !== 'https:')
    throw refused('a redirect out of TLS')
  return url
}

/** The origins that an allowed `host` or `host:port` stands for, by http and https. Throws `TypeError` for others. */
export function originsOf(host: string): string[] {
  return ['http:', 'https:'].map((scheme) => {
    const url = URL.parse(`${scheme}//${host}`)
    if (!url || url.pathname !== '/' || url.search || url.hash || url.username || url.password) {
      throw new TypeError(`allowed host ${host} is not host or host:port`)
    }
    return url.origin
  })
}

function refused(what: string): GatewayError {
  return new GatewayError('ERR_ORIGIN_REDIRECT', `the origin answered with ${what}`)
}
