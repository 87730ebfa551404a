import type { Cancellation } from '../../base/cancellation.ts'
import type { ByteSink, CopyProgress, LentSource, Transfer } from '../../base/byte-sink.ts'
import { asGatewayError, GatewayError } from '../../base/failure.ts'
import type { ObjectMeta, OpenObject } from '../origin.ts'
import type { HttpResponse } from './http-response.ts'

/** A response that waits, and which bytes of the object its body is. */
export interface PendingBody {
  readonly response: HttpResponse
  readonly first: number
  /** Exclusive; Infinity when the size is unknown. */
  readonly end: number
}

/** Asks the origin again for bytes of the same version of the object. */
export type Reread = (start: number, end: number, signal: Cancellation) => Promise<PendingBody>

/** An object of an HTTP origin. It reads on in the response it has, or asks again. */
export class HttpObject implements OpenObject {
  readonly state = 'found'
  readonly meta: ObjectMeta
  #pending: PendingBody | undefined
  readonly #reread: Reread
  #rereading: RereadTransfer | undefined

  constructor(meta: ObjectMeta, pending: PendingBody | undefined, reread: Reread) {
    this.meta = meta
    this.#pending = pending
    this.#reread = reread
  }

  send(start: number, end: number, sink: ByteSink): Transfer {
    const transfer = this.#pending && sendFrom(this.#pending, start, end, sink)
    if (transfer) return transfer
    this.#dropPending()
    const rereading = new RereadTransfer(sink)
    this.#rereading = rereading
    if (start < end) void this.#readAgain(rereading, start, end)
    else
      queueMicrotask(() => {
        rereading.endEmpty()
      })
    return rereading
  }

  close(): void {
    this.#rereading?.abort()
    this.#dropPending()
  }

  async #readAgain(transfer: RereadTransfer, start: number, end: number): Promise<void> {
    try {
      const pending = await this.#reread(start, end, transfer.signal)
      if (transfer.signal.aborted) {
        pending.response.close()
        return
      }
      this.#pending = pending
      transfer.begin(pending, start, end)
    } catch (error) {
      transfer.fail(asGatewayError(error))
    }
  }

  #dropPending(): void {
    this.#pending?.response.close()
    this.#pending = undefined
  }
}

function sendFrom(
  { response, first, end: limit }: PendingBody,
  start: number,
  end: number,
  sink: ByteSink,
): Transfer | undefined {
  if (start < first || end > limit || !response.canSend(start - first)) return undefined
  return response.send(start - first, end - first, sink)
}

/** A transfer that begins when the origin has answered again. */
class RereadTransfer implements Transfer {
  readonly #sink: ByteSink
  readonly #abort = new AbortController()
  #inner: Transfer | undefined

  constructor(sink: ByteSink) {
    this.#sink = sink
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  begin(pending: PendingBody, start: number, end: number): void {
    this.#inner = sendFrom(pending, start, end, this.#sink)
    if (!this.#inner)
      this.fail(new GatewayError('ERR_ORIGIN_READ', 'the origin sent other bytes than asked'))
  }

  endEmpty(): void {
    if (!this.signal.aborted) this.#sink.end()
  }

  fail(error: GatewayError): void {
    if (!this.signal.aborted) this.#sink.fail(error)
  }

  resume(): void {
    this.#inner?.resume()
  }

  abort(): void {
    if (this.#inner) this.#inner.abort()
    else this.#abort.abort()
  }

  lend(progress: CopyProgress): LentSource | undefined {
    return this.#inner?.lend?.(progress)
  }
}
