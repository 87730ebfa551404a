import type { LinkVerifier } from '../link/verify-link.ts'
import type { Origin } from '../origin/origin.ts'
import type { Policy } from '../policy/policy.ts'

/** A path prefix, the links that open it, the policy that binds them and the origin behind it. */
export interface Route {
  /** Begins and ends with a slash. */
  readonly path: string
  readonly originName: string
  readonly origin: Origin
  readonly verifier: LinkVerifier
  readonly policy: Policy
}

/** Routes by path; the longest one that a path lies below wins. */
export class RouteTable {
  readonly #routes: readonly Route[]

  constructor(routes: readonly Route[]) {
    this.#routes = [...routes].sort((x, y) => y.path.length - x.path.length)
  }

  find(path: string): Route | undefined {
    for (const route of this.#routes) if (path.startsWith(route.path)) return route
    return undefined
  }

  [Symbol.iterator](): Iterator<Route> {
    return this.#routes[Symbol.iterator]()
  }
}
