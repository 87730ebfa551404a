import type { Address } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import type { NetworkFacts } from '../base/network-facts.ts'
import type { CanonicalPath } from './canonical-path.ts'
import type { RequestHeaders } from './request-headers.ts'
import type { RequestTarget } from './request-target.ts'

/** Scheme and host as the client called them: lower case, without the scheme's own port. */
export interface Site {
  readonly scheme: 'http' | 'https'
  /** `host` or `host:port`. */
  readonly host: string
}

/** The facts of one request, as every phase after it sees them. */
export interface RequestContext {
  readonly id: string
  /** The second at which the request's head was complete; all time checks of the request use it. */
  readonly now: EpochSeconds
  readonly method: string
  readonly target: RequestTarget
  readonly path: CanonicalPath
  readonly headers: RequestHeaders
  readonly site: Site
  /** Undefined when a trusted proxy named none; rules that need one then refuse. */
  readonly client: Address | undefined
  /** Of the client. */
  readonly network: NetworkFacts
  /**
   * Whether the client says that it asks for somebody behind it, and nobody who is trusted vouches for that.
   * Read from the headers when it is asked, which few requests need.
   */
  readonly isBehindProxy?: () => boolean
}
