import type { Cancellation } from '../../base/cancellation.ts'
import { GatewayError } from '../../base/failure.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { Exchange } from './exchange.ts'
import type { HttpResponse } from './http-response.ts'
import type { Endpoint } from './origin-socket.ts'

/** Silent ticks after which a rest that nobody wants is not waited for. */
const DRAIN_TICKS = 2
const MAX_IDLE = 256
const IDLE_SECONDS = 4
/** How long before its announced end an idle connection is given up, in seconds. */
const IDLE_MARGIN = 1
const MAX_TICK_MS = 500
/** Ticks in one timeout at least, so that a short one is not rounded away. */
const TICKS_PER_TIMEOUT = 8

/** A request as the pool sends it. */
export interface HttpRequest {
  /** The whole head, as Latin-1 text. */
  readonly text: string
  readonly isHead: boolean
  readonly signal: Cancellation | undefined
}

/**
 * Connections to one endpoint. The one that was used last is used next, so that the others may age and
 * close. One coarse timer looks after all timeouts.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #endpoint: Endpoint
  readonly #tickMs: number
  readonly #limitTicks: number
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(endpoint: Endpoint, timeoutSeconds: number) {
    this.#endpoint = endpoint
    const timeoutMs = timeoutSeconds * 1000
    this.#tickMs = Math.max(1, Math.min(MAX_TICK_MS, timeoutMs / TICKS_PER_TIMEOUT))
    this.#limitTicks = Math.ceil(timeoutMs / this.#tickMs)
  }

  /** Sends a request; settles when the response head is there. Rejects with `GatewayError`. */
  request(request: HttpRequest): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) reject(new GatewayError('ERR_SHUTTING_DOWN', 'the origin is closed'))
      else if (request.signal?.aborted) reject(aborted())
      else new PendingExchange(this, request, resolve, reject).start()
    })
  }

  /** Runs the exchange on an idle connection, or on a new one. */
  run(exchange: Exchange, needsFresh: boolean): Connection {
    const idle = needsFresh ? undefined : this.#idle.pop()
    if (idle) {
      idle.start(exchange)
      return idle
    }
    const connection = new Connection(this, this.#endpoint, exchange)
    this.#all.add(connection)
    this.#timer ??= setInterval(() => {
      this.#tick()
    }, this.#tickMs).unref()
    return connection
  }

  onIdle(connection: Connection): void {
    const isUsable = this.#idleTicks(connection) > 0 && this.#idle.length < MAX_IDLE
    if (isUsable && !this.#isClosed) this.#idle.push(connection)
    else connection.abandon()
  }

  onClosed(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    if (this.#all.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  /** Connections that a request or a response holds. */
  get inUse(): number {
    return this.#all.size - this.#idle.length
  }

  /** Closes connections that nobody uses; those in use close when their response ends. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#idle.splice(0)) connection.abandon()
    for (const connection of this.#all) if (connection.isDraining) connection.abandon()
  }

  #idleTicks(connection: Connection): number {
    const announced = (connection.keepAliveSeconds ?? Infinity) - IDLE_MARGIN
    return Math.floor((Math.min(IDLE_SECONDS, announced) * 1000) / this.#tickMs)
  }

  #tick(): void {
    for (const connection of this.#all) {
      const limit = connection.isDraining ? DRAIN_TICKS : this.#limitTicks
      if (!connection.passTick(this.#idleTicks(connection), limit)) continue
      const { state } = connection
      if (state === 'idle' || connection.isDraining) connection.abandon()
      else
        connection.destroy(
          new GatewayError('ERR_ORIGIN_TIMEOUT', `the origin was silent (${state})`),
        )
    }
  }
}

/** One request on its way to a response head. */
class PendingExchange implements Exchange {
  readonly text: string
  readonly isHead: boolean
  readonly #pool: ConnectionPool
  readonly #signal: Cancellation | undefined
  readonly #resolve: (response: HttpResponse) => void
  readonly #reject: (error: GatewayError) => void
  #connection: Connection | undefined
  #isRetry = false

  constructor(
    pool: ConnectionPool,
    request: HttpRequest,
    resolve: (response: HttpResponse) => void,
    reject: (error: GatewayError) => void,
  ) {
    this.text = request.text
    this.isHead = request.isHead
    this.#pool = pool
    this.#signal = request.signal
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#connection = this.#pool.run(this, false)
  }

  onResponse(response: HttpResponse): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#resolve(response)
  }

  onFailure(error: GatewayError, isStale: boolean): void {
    if (isStale && !this.#isRetry) {
      this.#isRetry = true
      this.#connection = this.#pool.run(this, true)
      return
    }
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#reject(error)
  }

  readonly #onAbort = (): void => {
    this.#connection?.abandon()
    this.#reject(aborted())
  }
}

function aborted(): GatewayError {
  return new GatewayError('ERR_CLIENT_ABORTED', 'the request was given up')
}
