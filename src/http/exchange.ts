import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Address } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import { type NetworkFacts, NOTHING_KNOWN } from '../base/network-facts.ts'
import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import { hasAntiFraud } from '../policy/anti-fraud.ts'
import type { AccessRecord, EndedBy } from '../record/access-record.ts'
import { deviceOf } from '../request/device.ts'
import type { RequestHeaders } from '../request/request-headers.ts'
import type { ApiProblem, ApiText } from './api.ts'
import type { Route } from './route.ts'

/**
 * One request and its answer, with what the record will say of them. What is held for the request is
 * given back when the response closes, whatever closed it: that moment alone is sure to come, once.
 */
export class Exchange {
  readonly id = randomUUID()
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedAt: number
  readonly #began: number
  readonly #clock: Clock
  readonly #held: (() => void)[] = []

  route: Route | undefined
  /** The endpoint of a published API, as records name it. */
  endpoint: string | undefined
  /** What the gateway has to say, in the shape of the API that was called. */
  problem: ((problem: ApiProblem) => ApiText | undefined) | undefined
  headers: RequestHeaders | undefined
  /** Canonical, for the record; undefined when the path was refused. */
  path: string | undefined
  client: Address | undefined
  network: NetworkFacts = NOTHING_KNOWN
  grant: Grant | undefined
  /** The client of an API whose call was answered without a grant. */
  kid: string | undefined
  decision: AccessRecord['decision'] = 'none'
  reason: string | undefined
  detail: string | undefined
  observed: Refusal | undefined
  /** The body has no length of its own, so only a reset tells a cut from its end. */
  isUnframed = false
  bytes = 0
  coverage: (() => number) | undefined
  #endedBy: EndedBy | undefined
  #firstByte: number | undefined
  #abort: AbortController | undefined

  constructor(request: IncomingMessage, response: ServerResponse, clock: Clock) {
    this.request = request
    this.response = response
    this.#clock = clock
    this.startedAt = clock.now()
    this.#began = clock.monotonic()
  }

  get isClosed(): boolean {
    return this.response.closed || this.response.destroyed
  }

  /** A body is on its way that nobody read: the next request of the connection lies behind it. */
  get hasUnreadBody(): boolean {
    if (this.request.complete || !this.headers) return false
    const { transferEncoding, contentLength } = this.headers
    return transferEncoding !== undefined || (contentLength ?? '0') !== '0'
  }

  /** Fires when the client is gone before its answer. */
  get signal(): AbortSignal {
    if (this.isClosed) return AbortSignal.abort()
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  /** Runs `release` when the response closes; at once if it has closed already. */
  holdUntilClosed(release: () => void): void {
    if (this.isClosed) release()
    else this.#held.push(release)
  }

  /** The first byte of the answer goes out. */
  markFirstByte(): void {
    this.#firstByte ??= this.#clock.monotonic()
  }

  /** Cuts the connection; the first who does so is who ended it. */
  cut(by: EndedBy, reason: string, detail: string): void {
    if (this.#endedBy !== undefined) return
    this.#endedBy = by
    this.reason ??= reason
    this.detail ??= detail
    if (this.isUnframed) this.response.socket?.resetAndDestroy()
    this.response.destroy()
  }

  /**
   * Called once, when the response closes. Gives back all that is held, even if one of them fails, and
   * returns the record.
   */
  close(onFailure: (error: unknown) => void): AccessRecord {
    const finished = this.response.writableFinished
    if (!finished) this.#abort?.abort()
    const coverage = this.coverage?.()
    for (const release of this.#held.splice(0).reverse()) {
      try {
        release()
      } catch (error) {
        onFailure(error)
      }
    }
    const { route, grant, headers, response } = this
    const hasFraudChecks = grant && route ? hasAntiFraud(grant, route.policy) : false
    const now = this.#clock.monotonic()
    return {
      time: new Date(this.startedAt).toISOString(),
      request_id: this.id,
      route: this.endpoint ?? route?.path ?? null,
      origin: route?.originName ?? null,
      policy: route?.policy.name ?? null,
      scheme: grant?.scheme ?? null,
      kid: grant?.key.kid ?? this.kid ?? null,
      link_id: grant?.linkId ?? null,
      subject: grant?.constraints.subject ?? null,
      client: this.client?.text ?? null,
      country: this.network.country ?? null,
      asn: this.network.asn ?? null,
      device: hasFraudChecks && headers ? deviceOf(headers) : null,
      anti_fraud: hasFraudChecks,
      method: this.request.method ?? '',
      path: this.path ?? null,
      status: response.headersSent ? response.statusCode : 499,
      decision: this.decision,
      reason: this.reason ?? null,
      detail: this.detail ?? null,
      observed: this.observed?.reason ?? null,
      observed_detail: this.observed?.detail ?? null,
      bytes: this.bytes,
      coverage: coverage === undefined ? null : Math.round(coverage * 10_000) / 10_000,
      ended_by: this.#endedBy ?? (finished ? 'complete' : 'client'),
      duration_ms: round(now - this.#began),
      first_byte_ms: this.#firstByte === undefined ? null : round(this.#firstByte - this.#began),
    }
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
