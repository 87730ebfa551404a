import { randomUUID } from 'node:crypto'
import type { Address } from '../base/address.ts'
import { type Cancellation, LightCancellation } from '../base/cancellation.ts'
import { type Clock, type EpochSeconds, secondsOf } from '../base/clock.ts'
import { type NetworkFacts, NOTHING_KNOWN } from '../base/network-facts.ts'
import type { Refusal } from '../base/refusal.ts'
import type { CopiedStretch } from '../kernel-copy/copied-stretch.ts'
import type { Grant } from '../link/grant.ts'
import { hasAntiFraud } from '../policy/anti-fraud.ts'
import type { AccessRecord, EndedBy } from '../record/access-record.ts'
import { deviceOf } from '../request/device.ts'
import type { RequestHeaders } from '../request/request-headers.ts'
import type { ApiProblem, ApiText } from './api.ts'
import type { RequestMessage, ResponseMessage } from './message.ts'
import { resetConnection } from './reset-connection.ts'
import type { Route } from './route.ts'

/**
 * One request and its answer, with what the record will say of them. What is held for the request is
 * given back when the response closes, whatever closed it: that moment alone is sure to come, once.
 */
export class Exchange {
  readonly id = randomUUID()
  readonly request: RequestMessage
  readonly response: ResponseMessage
  readonly startedAt: number
  readonly #began: number
  readonly #clock: Clock
  readonly #held: (() => void)[] = []

  route: Route | undefined
  /** The endpoint of a published API, as records name it. */
  endpoint: string | undefined
  /** What the gateway has to say, in the shape of the API that was called. */
  problem: ((problem: ApiProblem) => ApiText | undefined) | undefined
  /** Of the request that a proxy asks about; else it is the request's own. */
  method: string | undefined
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
  /** For operators: who sent the bytes, where that is not plain. */
  note: string | undefined
  /** Set when somebody else sends the bytes: what is held is held until then. */
  over: Promise<void> | undefined
  observed: Refusal | undefined
  /** The body has no length of its own, so only a reset tells a cut from its end. */
  isUnframed = false
  bytes = 0
  /** What the kernel sends just now, past this process. */
  stretch: CopiedStretch | undefined
  coverage: (() => number) | undefined
  #endedBy: EndedBy | undefined
  #status: number | undefined
  #firstByte: number | undefined
  #cancellation: LightCancellation | undefined

  constructor(request: RequestMessage, response: ResponseMessage, clock: Clock) {
    this.request = request
    this.response = response
    this.#clock = clock
    this.startedAt = clock.now()
    this.#began = clock.monotonic()
  }

  /** The current second of an answer that may have waited for its origin. */
  get now(): EpochSeconds {
    return secondsOf(this.#clock)
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
  get signal(): Cancellation {
    this.#cancellation ??= new LightCancellation()
    if (this.isClosed) this.#cancellation.abort()
    return this.#cancellation
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
    // what somebody else sends cannot be cut from here
    if (this.#endedBy !== undefined || this.over) return
    this.#endedBy = by
    this.reason ??= reason
    this.detail ??= detail
    if (this.isUnframed) resetConnection(this.response.socket)
    this.response.destroy()
  }

  /** What somebody else says of the answer that the client got. */
  endElsewhere({ status, by }: { readonly status: number; readonly by: EndedBy }): void {
    this.#status = status
    this.#endedBy = by
  }

  /**
   * Called once, when the response closes. Gives back all that is held, even if one of them fails, and
   * returns the record.
   */
  close(onFailure: (error: unknown) => void): AccessRecord {
    const finished = this.response.writableFinished
    if (!finished) this.#cancellation?.abort()
    const coverage = this.coverage?.()
    for (let release = this.#held.pop(); release; release = this.#held.pop()) {
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
      time: isoTime(this.startedAt),
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
      method: this.method ?? this.request.method ?? '',
      path: this.path ?? null,
      status: this.#status ?? (response.headersSent ? response.statusCode : 499),
      decision: this.decision,
      reason: this.reason ?? null,
      detail: this.detail ?? this.note ?? null,
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

let isoSecond = -1
let isoText = ''

/** As `toISOString`, whose date is the same for a second. */
function isoTime(time: number): string {
  const second = Math.floor(time / 1000)
  if (second !== isoSecond) {
    isoSecond = second
    isoText = new Date(second * 1000).toISOString().slice(0, 20)
  }
  return `${isoText}${String(time - second * 1000).padStart(3, '0')}Z`
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
