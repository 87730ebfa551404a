import { parseNetwork } from '../../base/address.ts'
import { NOTHING_KNOWN } from '../../base/network-facts.ts'
import { NetworkSet } from '../../base/network-set.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { type ClientAddress, forwardedAddress, parseNode } from '../../request/client-address.ts'
import { clientSite } from '../../request/client-site.ts'
import { isNamedBehind } from '../../request/proxy-traces.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { readHeaders, type RequestHeaders } from '../../request/request-headers.ts'
import { cutTarget } from '../../request/request-target.ts'
import type { Exchange } from '../exchange.ts'
import { type Entrance, peerOf, recordable } from '../receive.ts'
import type { Route } from '../route.ts'
import type { ForwardedRequest } from './forwarded-request.ts'

/** A request that a proxy asks about, as rules see it. */
export interface Asked {
  readonly context: RequestContext
  readonly route: Route
}

/** Who asks showed a token: it is a proxy, whatever its address. */
const ANYONE = new NetworkSet(['0.0.0.0/0', '::/0'].flatMap((text) => parseNetwork(text) ?? []))

/** The context and route that the request has, or why it has none; what is known of it goes to the record. */
export function readAsked(
  exchange: Exchange,
  forwarded: ForwardedRequest,
  entrance: Entrance,
): Asked | Refusal {
  const headers = readHeaders(forwarded.rawHeaders)
  exchange.headers = headers
  exchange.method = forwarded.method
  const client = findClient(forwarded, headers, entrance)
  exchange.client = client.outcome === 'known' ? client.address : undefined
  exchange.network = exchange.client ? entrance.networks.find(exchange.client) : NOTHING_KNOWN
  if (client.outcome === 'conflict') return refuse('request_invalid', client.why)
  const called = clientSite(peerOf(exchange.request.socket), headers, ANYONE, entrance.site)
  if (called.outcome === 'conflict') return refuse('request_invalid', called.why)
  if (headers.repeated !== undefined) {
    return refuse('request_invalid', `the field ${headers.repeated} came twice`)
  }
  const target = cutTarget(forwarded.uri)
  if (!target) return refuse('request_invalid', 'the original target is no path')
  const { path, route, why, withoutToken } = entrance.routes.locate(target)
  exchange.route = route
  exchange.path = path && recordable(withoutToken ?? path, route)
  if (path === undefined) return refuse('path_invalid', why)
  if (!route) return refuse('route_not_found', 'no route begins like this path')
  const { method } = forwarded
  if (!(route.policy.methods as readonly string[]).includes(method)) {
    return refuse('method_not_allowed', `method ${method.slice(0, 20)}`)
  }
  const { id, network, startedAt } = exchange
  const known = exchange.client
  const context: RequestContext = {
    id,
    now: Math.floor(startedAt / 1000),
    method,
    target,
    path,
    headers,
    site: called.site,
    client: known,
    network,
    isBehindProxy: () =>
      known !== undefined && forwarded.dialect !== 'envoy' && isNamedBehind(known, headers),
  }
  return { context, route }
}

/**
 * The address that the proxy names. Its own is never taken for it: who names nobody leaves the client
 * unknown, and rules that need an address then refuse.
 */
function findClient(
  { dialect, envoyClient, realIp }: ForwardedRequest,
  headers: RequestHeaders,
  { trustedProxies }: Entrance,
): ClientAddress {
  // Envoy appends its own address to the X-Forwarded-For of what it asks (envoyproxy/envoy issue 21519)
  const forwarded = dialect === 'envoy' ? undefined : forwardedAddress(headers, trustedProxies)
  if (forwarded) return forwarded
  const address = parseNode(dialect === 'envoy' ? envoyClient : realIp)
  return address ? { outcome: 'known', address } : NOBODY
}

const NOBODY: ClientAddress = { outcome: 'unknown', why: 'the proxy names no client' }
