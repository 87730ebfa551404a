import { randomUUID } from 'node:crypto'
import type { Address } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { type NetworkFacts, NOTHING_KNOWN } from '../base/network-facts.ts'
import { NetworkSet } from '../base/network-set.ts'
import type { Route, RouteTable } from '../http/route.ts'
import { isBehindProxy } from '../request/proxy-traces.ts'
import type { RequestContext, Site } from '../request/request-context.ts'
import { readHeaders } from '../request/request-headers.ts'
import { cutTarget } from '../request/request-target.ts'

export interface SupposedRequest {
  /** A URL, or path and query. */
  readonly url: string
  readonly now: EpochSeconds
  /** What the client called. */
  readonly site: Site
  readonly method?: string | undefined
  readonly client?: Address | undefined
  readonly network?: NetworkFacts | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A supposed request comes straight from its client. */
const NO_PROXIES = new NetworkSet([])

/** The context and route that a request with this URL would get, or why it would get none. */
export function requestOf(
  supposed: SupposedRequest,
  routes: RouteTable,
): { readonly context: RequestContext; readonly route: Route } | { readonly why: string } {
  const target = cutTarget(supposed.url)
  if (!target) return { why: 'not a URL or path' }
  const { path, route, why } = routes.locate(target)
  if (path === undefined) return { why }
  if (!route) return { why: 'no route begins like this path' }
  const { client } = supposed
  const headers = readHeaders(Object.entries(supposed.headers ?? {}).flat())
  const context: RequestContext = {
    id: randomUUID(),
    now: supposed.now,
    method: supposed.method ?? 'GET',
    target,
    path,
    headers,
    site: supposed.site,
    client,
    network: supposed.network ?? NOTHING_KNOWN,
    isBehindProxy: () => client !== undefined && isBehindProxy(client, client, headers, NO_PROXIES),
  }
  return { context, route }
}
