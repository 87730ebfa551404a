import { type CanonicalPath, canonicalisePath } from '../request/canonical-path.ts'
import type { RequestTarget } from '../request/request-target.ts'
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

/** Where a request leads. */
export interface Location {
  /** Undefined when the path is hostile. */
  readonly path: CanonicalPath | undefined
  readonly route: Route | undefined
  /** Why there is no path. */
  readonly why: string
  /** The path as records show it, where it may hold a token that its route does not take. */
  readonly withoutToken?: string
}

/** Routes by path; the longest one that a path lies below wins. */
export class RouteTable {
  readonly #routes: readonly Route[]
  readonly #cuts: readonly {
    readonly route: Route
    readonly cutPath: (rawPath: string) => string | undefined
  }[]

  constructor(routes: readonly Route[]) {
    this.#routes = [...routes].sort((x, y) => y.path.length - x.path.length)
    this.#cuts = this.#routes.flatMap((route) =>
      route.verifier.schemes.flatMap((scheme) =>
        scheme.cutPath ? [{ route, cutPath: scheme.cutPath.bind(scheme) }] : [],
      ),
    )
  }

  /**
   * The path of the object and its route. A token in the path is cut out where the route behind it takes
   * such links; the object's path is what is left.
   */
  locate(target: RequestTarget): Location {
    const plain = this.#locatePath(target.rawPath)
    const isOwned = plain.route !== undefined && plain.route.path !== '/'
    let withoutToken: string | undefined
    for (const { route, cutPath } of this.#cuts) {
      if (isOwned && route !== plain.route) continue
      const behind = cutPath(target.rawPath)
      if (behind === undefined) continue
      const located = this.#locatePath(behind)
      // a hostile path behind a token stays hostile, and the token stays out of the record
      if (located.path === undefined || located.route === route) return located
      withoutToken ??= located.path
    }
    return withoutToken === undefined ? plain : { ...plain, withoutToken }
  }

  #locatePath(rawPath: string): Location {
    const result = canonicalisePath(rawPath)
    return result.ok
      ? { path: result.path, route: this.find(result.path), why: '' }
      : { path: undefined, route: undefined, why: result.why }
  }

  find(path: string): Route | undefined {
    for (const route of this.#routes) if (path.startsWith(route.path)) return route
    return undefined
  }

  [Symbol.iterator](): Iterator<Route> {
    return this.#routes[Symbol.iterator]()
  }
}
