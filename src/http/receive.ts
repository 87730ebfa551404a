import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Address, parseAddress } from '../base/address.ts'
import { refuse, type ReasonCode, type Refusal } from '../base/refusal.ts'
import type { NetworkLookup } from '../geo/network-lookup.ts'
import { NOTHING_KNOWN } from '../base/network-facts.ts'
import type { NetworkSet } from '../base/network-set.ts'
import { callPreflightHeaders, preflightHeaders } from '../delivery/response-headers.ts'
import { type CanonicalPath, canonicalisePath } from '../request/canonical-path.ts'
import { clientAddress } from '../request/client-address.ts'
import { isBehindProxy } from '../request/proxy-traces.ts'
import { clientSite } from '../request/client-site.ts'
import type { RequestContext, Site } from '../request/request-context.ts'
import { readHeaders, type RequestHeaders } from '../request/request-headers.ts'
import { cutTarget, type RequestTarget } from '../request/request-target.ts'
import type { Tagger } from '../tag/tagger.ts'
import type { ApiEndpoint, Apis } from './api.ts'
import type { Exchange } from './exchange.ts'
import type { RequestMessage } from './message.ts'
import type { Route, RouteTable } from './route.ts'

/** What the first phase needs of the configuration in force. */
export interface Entrance {
  readonly routes: RouteTable
  /** Scheme and host that clients call, if no trusted proxy says otherwise. */
  readonly site: Site
  readonly trustedProxies: NetworkSet
  readonly networks: NetworkLookup
  /** The public keys as a JWK Set. */
  readonly jwks: string
  readonly tagger: Tagger
  /** Seconds that a link to the origin lives. */
  readonly redirectSeconds: number
  /** Whether proxies that send the bytes report how that ended. */
  readonly isOffloadReported: boolean
  /** Undefined when no published API is switched on. */
  readonly apis: Apis | undefined
}

export type Arrival =
  | { readonly outcome: 'accepted'; readonly context: RequestContext; readonly route: Route }
  | { readonly outcome: 'called'; readonly context: RequestContext; readonly endpoint: ApiEndpoint }
  | { readonly outcome: 'answered' }
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly headers?: readonly string[] }

const JWKS_PATH = '/.well-known/jwks.json'
const GET_HEAD = ['GET', 'HEAD']

/** The peer as its PROXY header named it; set before the first request of the connection. */
const peers = new WeakMap<Duplex, Address>()

export function setProxiedPeer(socket: Socket, address: Address): void {
  peers.set(socket, address)
}

/**
 * Turns a parsed request into a `RequestContext` and finds its route. What node's parser lets through
 * and a gateway must not (RFC 9112 sections 2.3, 3.2 and 6.1) is refused here.
 */
export function receive(exchange: Exchange, entrance: Entrance): Arrival {
  const { request } = exchange
  const headers = readHeaders(request.rawHeaders)
  exchange.headers = headers
  const client = findClient(request.socket, headers, entrance.trustedProxies)
  exchange.client = client.outcome === 'known' ? client.address : undefined
  exchange.network = exchange.client ? entrance.networks.find(exchange.client) : NOTHING_KNOWN
  if (client.outcome === 'conflict') return refused('request_invalid', client.why)
  const called = clientSite(peerOf(request.socket), headers, entrance.trustedProxies, entrance.site)
  if (called.outcome === 'conflict') return refused('request_invalid', called.why)
  const broken = protocolFault(request.httpVersion, headers)
  if (broken !== undefined) return refused('request_invalid', broken)
  const method = request.method ?? ''
  const target = cutTarget(request.url ?? '')
  if (!target) {
    if (method === 'OPTIONS' && request.url === '*') return answerOptions(exchange, GET_HEAD, [])
    return refused('request_invalid', 'the request target is no path')
  }
  const located = entrance.routes.locate(target)
  const { route, why } = located
  const path =
    located.path ?? (isRoot(target, entrance.routes) ? ('/' as CanonicalPath) : undefined)
  const contextAt = (requestPath: CanonicalPath): RequestContext => ({
    id: exchange.id,
    now: Math.floor(exchange.startedAt / 1000),
    method,
    target,
    path: requestPath,
    headers,
    site: called.site,
    client: exchange.client,
    network: exchange.network,
    isBehindProxy: () => asksForOthers(request.socket, exchange.client, headers, entrance),
  })
  const { apis } = entrance
  if (apis && (route === undefined || route.path === '/')) {
    const found = findEndpoint(target, apis)
    if (found) {
      return call(exchange, apis, found.endpoint, contextAt(found.path))
    }
  }
  exchange.path = path && recordable(located.withoutToken ?? path, route)
  exchange.route = route
  if (path === undefined) return refused('path_invalid', why)
  if (!route) {
    return path === JWKS_PATH
      ? answerJwks(exchange, method, entrance.jwks)
      : refused('route_not_found', 'no route begins like this path')
  }
  const { delivery, methods } = route.policy
  if (method === 'OPTIONS') {
    return answerOptions(exchange, GET_HEAD, preflightHeaders(delivery.cors, headers.origin))
  }
  if (!(methods as readonly string[]).includes(method)) {
    const allow = [...methods, 'OPTIONS'].join(', ')
    return refused('method_not_allowed', `method ${method.slice(0, 20)}`, ['Allow', allow])
  }
  if (hasBody(request, headers)) return refused('request_invalid', 'a download has no request body')
  return { outcome: 'accepted', context: withoutClientToken(contextAt(path), route, apis), route }
}

/**
 * HTTP clients that were redirected here from a call of an API still send the token of that call. It is
 * not a second link.
 */
function withoutClientToken(
  context: RequestContext,
  route: Route,
  apis: Apis | undefined,
): RequestContext {
  const { headers } = context
  const { authorization } = headers
  if (authorization === undefined || route !== apis?.route) return context
  if (!apis.isClientToken(authorization)) return context
  return { ...context, headers: { ...headers, authorization: undefined } }
}

/** The endpoint of a published API. A slash at the end of its path changes nothing. */
function findEndpoint(
  { rawPath }: RequestTarget,
  apis: Apis,
): { readonly endpoint: ApiEndpoint; readonly path: CanonicalPath } | undefined {
  const plain = rawPath.length > 1 && rawPath.endsWith('/') ? rawPath.slice(0, -1) : rawPath
  const result = canonicalisePath(plain)
  const endpoint = result.ok ? apis.find(result.path) : undefined
  return result.ok && endpoint ? { endpoint, path: result.path } : undefined
}

function call(
  exchange: Exchange,
  apis: Apis,
  endpoint: ApiEndpoint,
  context: RequestContext,
): Arrival {
  exchange.route = apis.route
  exchange.endpoint = endpoint.template
  exchange.path = endpoint.recordedPath
  exchange.problem = (problem) => endpoint.problem(context, problem)
  const { method, headers } = context
  const methods = endpoint.methods.includes('GET')
    ? [...endpoint.methods, 'HEAD']
    : endpoint.methods
  if (method === 'OPTIONS') {
    const { cors } = apis.route.policy.delivery
    return answerOptions(exchange, methods, callPreflightHeaders(cors, headers.origin, methods))
  }
  if (!methods.includes(method)) {
    const allow = [...methods, 'OPTIONS'].join(', ')
    return refused('method_not_allowed', `method ${method.slice(0, 20)}`, ['Allow', allow])
  }
  return { outcome: 'called', context, endpoint }
}

function protocolFault(version: string, headers: RequestHeaders): string | undefined {
  if (version !== '1.1' && version !== '1.0' && version !== '2') {
    return `HTTP/${version} is not spoken here`
  }
  if (headers.repeated !== undefined) return `the field ${headers.repeated} came twice`
  if (version !== '1.0' && headers.host === undefined) return 'the field Host is missing'
  if (version === '1.0' && headers.transferEncoding !== undefined) {
    return 'Transfer-Encoding does not exist in HTTP/1.0'
  }
  return undefined
}

/** GET and HEAD give a body no meaning; one that comes all the same is how requests are smuggled. */
function hasBody(
  { httpVersion, complete }: RequestMessage,
  { transferEncoding, contentLength }: RequestHeaders,
): boolean {
  // in HTTP/2 a body needs no field: there is one unless the head has ended the request
  if (httpVersion === '2' && !complete) return true
  return transferEncoding !== undefined || (contentLength !== undefined && contentLength !== '0')
}

const TOKEN_SEGMENT = /\/(?:~|(?=eyJ))[\w-]+\.[\w-]+\.[\w-]*(?=\/|$)/g

/** A token that no route took for one, or that stands in a wrong place, stays out of the record all the same. */
export function recordable(path: string, route: Route | undefined): string {
  if (!path.includes('/~') && !path.includes('/eyJ')) return path
  return (route ? path : path.replace(/^\/~[^/]*/, '/~')).replace(TOKEN_SEGMENT, '/~')
}

/** The path `/` is no object's, but nothing hostile either. */
function isRoot({ rawPath }: RequestTarget, routes: RouteTable): boolean {
  return rawPath === '/' && !routes.find('/')
}

function findClient(
  socket: Socket,
  headers: RequestHeaders,
  trusted: NetworkSet,
): ReturnType<typeof clientAddress> {
  const peer = peerOf(socket)
  return peer
    ? clientAddress(peer, headers, trusted)
    : { outcome: 'unknown', why: 'no peer address' }
}

function asksForOthers(
  socket: Socket,
  client: Address | undefined,
  headers: RequestHeaders,
  { trustedProxies }: Entrance,
): boolean {
  const peer = peerOf(socket)
  return peer && client ? isBehindProxy(peer, client, headers, trustedProxies) : false
}

/** The address at the other end of a connection, or the one that its PROXY header named; read once. */
export function peerOf(socket: Duplex): Address | undefined {
  const known = peers.get(socket)
  if (known) return known
  const address = socket instanceof Socket ? parseAddress(socket.remoteAddress ?? '') : undefined
  if (address) peers.set(socket, address)
  return address
}

function answerOptions(
  exchange: Exchange,
  methods: readonly string[],
  cors: readonly string[],
): Arrival {
  const { response } = exchange
  const allow = [...methods, 'OPTIONS'].join(', ')
  response.writeHead(204, ['Allow', allow, 'X-Request-Id', exchange.id, ...cors])
  response.end()
  return { outcome: 'answered' }
}

function answerJwks(exchange: Exchange, method: string, jwks: string): Arrival {
  if (method !== 'GET' && method !== 'HEAD') {
    return refused('method_not_allowed', 'keys are only read', ['Allow', 'GET, HEAD'])
  }
  exchange.response.writeHead(200, [
    'Content-Type',
    'application/jwk-set+json',
    'Content-Length',
    String(Buffer.byteLength(jwks)),
    'Cache-Control',
    'public, max-age=300',
    'Access-Control-Allow-Origin',
    '*',
    'X-Content-Type-Options',
    'nosniff',
    'X-Request-Id',
    exchange.id,
  ])
  exchange.response.end(method === 'HEAD' ? undefined : jwks)
  return { outcome: 'answered' }
}

function refused(
  reason: ReasonCode,
  detail: string,
  headers?: readonly string[],
): Extract<Arrival, { readonly outcome: 'refused' }> {
  return { outcome: 'refused', refusal: refuse(reason, detail), ...(headers && { headers }) }
}
