import { isIP } from 'node:net'
import { originsOf, redirectTarget } from '../origin/http/redirect-rule.ts'

const MAX_URL = 8192
/** URL parsing drops tabs and line ends, and takes `\` for `/`; other readers see another host then. */
const MISREAD = /[\p{Cc}\s\\]/u
const WITH_AUTHORITY = /^https?:\/\/[^/?#]/i
const WITH_PORT = /:\d+$/
const WITH_USER = /^https?:\/\/[^/?#]*@/i

/** From which places sources are fetched. */
export class SourceRule {
  /** Hosts of which every port is allowed. */
  readonly #hostnames: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #mayUse: (address: string) => boolean

  /** `hosts` are `host` or `host:port`; without a port, all ports. */
  constructor(hosts: readonly string[], mayUse: (address: string) => boolean) {
    const open = hosts.filter((host) => !WITH_PORT.test(host)).flatMap(originsOf)
    this.#hostnames = new Set(open.map((origin) => new URL(origin).hostname))
    this.#origins = new Set(hosts.filter((host) => WITH_PORT.test(host)).flatMap(originsOf))
    this.#mayUse = mayUse
  }

  /** The URL in its normal form, or why nothing is fetched from it. */
  judge(text: string): URL | { readonly refused: string } {
    if (text.length > MAX_URL) return { refused: `The URL has more than ${MAX_URL} characters` }
    if (MISREAD.test(text)) {
      return { refused: 'The URL holds blanks, control characters or backslashes' }
    }
    if (!WITH_AUTHORITY.test(text))
      return { refused: 'The URL must begin with http:// or https://' }
    if (WITH_USER.test(text)) return { refused: 'The URL must not hold a user name or password' }
    const url = URL.parse(text)
    if (!url) return { refused: 'The URL is not valid' }
    if (!this.#isAllowed(url)) {
      return { refused: 'The host of the URL is not one that files are fetched from' }
    }
    const host = hostOf(url)
    if (isIP(host) && !this.#mayUse(host)) {
      return { refused: 'The address in the URL is not on the public internet' }
    }
    return url
  }

  /** Where a redirect leads. Throws `GatewayError` for a place that nothing is fetched from. */
  next(current: URL, location: string | undefined): URL {
    return redirectTarget(current, location, (url) => this.#isAllowed(url))
  }

  #isAllowed(url: URL): boolean {
    const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
    return isWeb && (this.#hostnames.has(url.hostname) || this.#origins.has(url.origin))
  }

  /** Whether a connection may lead to the address. A text that is none is not allowed. */
  mayConnect(address: string): boolean {
    return isIP(address) !== 0 && this.#mayUse(address)
  }
}

/** The host of a URL as sockets take it, without the brackets of IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}
