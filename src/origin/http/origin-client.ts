import type { Cancellation } from '../../base/cancellation.ts'
import { GatewayError } from '../../base/failure.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { HttpResponse } from './http-response.ts'
import type { Endpoint } from './origin-socket.ts'
import { RedirectRule } from './redirect-rule.ts'
import { fixedFields, type RequestConditions, requestText } from './request-text.ts'
import { isPublicAddress } from '../../base/special-addresses.ts'

const MAX_REDIRECTS = 3
const FOLLOWED = new Set([301, 302, 303, 307, 308])

export interface OriginClientOptions {
  /** `http` or `https`, without user, query and fragment. */
  readonly base: URL
  /** Fields for the origin's own host alone: they may be credentials. */
  readonly headers: Readonly<Record<string, string>>
  /** For each of: connecting, waiting for a response head, silence in a body. */
  readonly timeoutSeconds: number
  readonly followRedirects: boolean
  readonly redirectHosts: readonly string[]
  readonly allowPrivateAddresses: boolean
  readonly ca: string | Buffer | undefined
}

/** A request without its place. */
export interface OriginRequest extends RequestConditions {
  readonly method: 'GET' | 'HEAD'
  /** Path and query. */
  readonly target: string
  readonly signal?: Cancellation | undefined
}

/** Sends a request and brings the answer; rejects with `GatewayError`. */
export interface RequestSender {
  request(request: OriginRequest): Promise<HttpResponse>
}

interface Destination {
  readonly pool: ConnectionPool
  readonly fields: string
}

/** Sends requests to one origin and, where allowed, to the hosts it redirects to. */
export class OriginClient implements RequestSender {
  readonly #options: OriginClientOptions
  readonly #rule: RedirectRule
  readonly #own: Destination
  /** By `scheme://host:port`; no more than the allowed redirect hosts. */
  readonly #others = new Map<string, Destination>()

  constructor(options: OriginClientOptions) {
    this.#options = options
    this.#rule = new RedirectRule(options.base, options.redirectHosts)
    this.#own = this.#destination(options.base, options.headers, undefined)
  }

  /** The final answer, redirects followed. Rejects with `GatewayError`. */
  async request(request: OriginRequest): Promise<HttpResponse> {
    let destination = this.#own
    let target = request.target
    let url: URL | undefined
    for (let hops = 0; ; hops++) {
      const text = requestText(request.method, target, destination.fields, request)
      const isHead = request.method === 'HEAD'
      const response = await destination.pool.request({ text, isHead, signal: request.signal })
      const { status, location } = response.head
      if (status < 300 || status > 399 || status === 304) return response
      response.close()
      if (!this.#options.followRedirects || !FOLLOWED.has(status) || hops === MAX_REDIRECTS) {
        throw new GatewayError('ERR_ORIGIN_REDIRECT', `the origin answered ${status}`)
      }
      url = this.#rule.next(url ?? new URL(target, this.#options.base), location)
      destination = this.#destinationOf(url)
      target = url.pathname + url.search
    }
  }

  /** Connections to all hosts that a request or a response holds. */
  get connectionsInUse(): number {
    let count = this.#own.pool.inUse
    for (const { pool } of this.#others.values()) count += pool.inUse
    return count
  }

  close(): void {
    this.#own.pool.close()
    for (const { pool } of this.#others.values()) pool.close()
  }

  #destinationOf(url: URL): Destination {
    if (url.origin === this.#options.base.origin) return this.#own
    let destination = this.#others.get(url.origin)
    if (!destination) {
      const mayUse = this.#options.allowPrivateAddresses ? undefined : isPublicAddress
      destination = this.#destination(url, {}, mayUse)
      this.#others.set(url.origin, destination)
    }
    return destination
  }

  #destination(
    url: URL,
    headers: Readonly<Record<string, string>>,
    mayUse: ((address: string) => boolean) | undefined,
  ): Destination {
    const { ca, timeoutSeconds } = this.#options
    const pool = new ConnectionPool({ ...endpointOf(url), ca, mayUse }, timeoutSeconds)
    return { pool, fields: fixedFields(url.host, headers) }
  }
}

/** Where connections of a URL lead. */
export function endpointOf(url: URL): Pick<Endpoint, 'isSecure' | 'host' | 'port'> {
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return { isSecure, host, port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port) }
}
