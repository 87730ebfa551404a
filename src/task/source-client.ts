import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { GatewayError } from '../base/failure.ts'
import { ConnectionPool } from '../origin/http/connection-pool.ts'
import type { HttpResponse } from '../origin/http/http-response.ts'
import { fixedFields, type RequestConditions, requestText } from '../origin/http/request-text.ts'
import { hostOf, type SourceRule } from './source-rule.ts'

const MAX_REDIRECTS = 5
const FOLLOWED = new Set([301, 302, 303, 307, 308])
/** For each of: connecting, waiting for a response head, silence in a body. */
const TIMEOUT_SECONDS = 30

/** All addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>

const resolveBySystem: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address)

/** An answer whose body waits, and the URL that gave it. */
export interface SourceAnswer {
  readonly url: URL
  readonly response: HttpResponse
}

/**
 * Asks sources. Each hop is judged anew, and the connection goes to an address that was judged: a name
 * that changes its mind between two look-ups (DNS rebinding) has no second one.
 */
export class SourceClient {
  readonly #rule: SourceRule
  readonly #resolve: Resolve

  constructor(rule: SourceRule, resolve: Resolve = resolveBySystem) {
    this.#rule = rule
    this.#resolve = resolve
  }

  /** The final answer, redirects followed. Rejects with `GatewayError`. */
  async get(from: URL, conditions: RequestConditions, signal: AbortSignal): Promise<SourceAnswer> {
    let url = from
    for (let hops = 0; ; hops++) {
      const response = await this.#ask(url, conditions, signal)
      const { status, location } = response.head
      if (!FOLLOWED.has(status)) return { url, response }
      response.close()
      if (hops === MAX_REDIRECTS) {
        throw new GatewayError('ERR_ORIGIN_REDIRECT', `more than ${MAX_REDIRECTS} redirects`)
      }
      url = this.#rule.next(url, location)
    }
  }

  /** Tries one address after the other, as long as none is reached. */
  async #ask(url: URL, conditions: RequestConditions, signal: AbortSignal): Promise<HttpResponse> {
    let failure = unreachable('the host has no address')
    for (const address of await this.#addressesOf(hostOf(url), signal)) {
      try {
        return await this.#askAt(url, address, conditions, signal)
      } catch (error) {
        if (!(error instanceof GatewayError) || error.code !== 'ERR_ORIGIN_UNREACHABLE') throw error
        failure = error
      }
    }
    throw failure
  }

  async #askAt(
    url: URL,
    address: string,
    conditions: RequestConditions,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const isSecure = url.protocol === 'https:'
    const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port)
    const pool = new ConnectionPool(
      { isSecure, host: hostOf(url), address, port, ca: undefined, mayUse: undefined },
      TIMEOUT_SECONDS,
    )
    const target = url.pathname + url.search
    const text = requestText('GET', target, fixedFields(url.host, {}), conditions)
    try {
      return await pool.request({ text, isHead: false, signal })
    } finally {
      // the connection serves this one response and closes with it
      pool.close()
    }
  }

  /** One forbidden address among them forbids the name: who owns it decides which one is tried first. */
  async #addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const addresses = isIP(host) ? [host] : await orAborted(this.#lookUp(host), signal)
    if (addresses.every((address) => this.#rule.mayConnect(address))) return addresses
    throw new GatewayError('ERR_ORIGIN_REDIRECT', 'the host has an address that is not public')
  }

  async #lookUp(host: string): Promise<readonly string[]> {
    try {
      return await this.#resolve(host)
    } catch (cause) {
      throw unreachable('the host name cannot be resolved', { cause })
    }
  }
}

function unreachable(message: string, options?: ErrorOptions): GatewayError {
  return new GatewayError('ERR_ORIGIN_UNREACHABLE', message, options)
}

/** A look-up cannot be stopped; nobody waits for it any more. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => {
    reject(new GatewayError('ERR_CLIENT_ABORTED', 'the request was given up'))
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, reject).finally(() => {
    signal.removeEventListener('abort', onAbort)
  })
  return promise
}
