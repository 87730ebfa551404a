import { randomUUID } from 'node:crypto'
import type { Address } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import type { Route, RouteTable } from '../http/route.ts'
import { canonicalisePath } from '../request/canonical-path.ts'
import type { RequestContext } from '../request/request-context.ts'
import { readHeaders } from '../request/request-headers.ts'
import { cutTarget, withPathToken } from '../request/request-target.ts'

export interface SupposedRequest {
  /** A URL, or path and query. */
  readonly url: string
  readonly now: EpochSeconds
  readonly method?: string | undefined
  readonly client?: Address | undefined
  readonly country?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** The context and route that a request with this URL would get, or why it would get none. */
export function requestOf(
  supposed: SupposedRequest,
  routes: RouteTable,
): { readonly context: RequestContext; readonly route: Route } | { readonly why: string } {
  const plain = cutTarget(supposed.url)
  if (!plain) return { why: 'not a URL or path' }
  const behind = withPathToken(plain)
  let why = 'no route begins like this path'
  for (const target of behind ? [behind, plain] : [plain]) {
    const result = canonicalisePath(target.rawPath)
    const route = result.ok ? routes.find(result.path) : undefined
    if (!result.ok) why = result.why
    if (!result.ok || !route) continue
    // as at the gateway's own door: `/~TOKEN` is a link only where the route behind it takes such links
    if (target === behind && !route.verifier.schemes.some(({ name }) => name === 'sluice-jwt'))
      continue
    const context: RequestContext = {
      id: randomUUID(),
      now: supposed.now,
      method: supposed.method ?? 'GET',
      target,
      path: result.path,
      headers: readHeaders(Object.entries(supposed.headers ?? {}).flat()),
      client: supposed.client,
      country: supposed.country,
    }
    return { context, route }
  }
  return { why }
}
