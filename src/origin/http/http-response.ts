import type { ByteSink, CopyProgress, LentSource, Transfer } from '../../base/byte-sink.ts'
import { GatewayError } from '../../base/failure.ts'
import { readBuffers } from '../read-buffers.ts'
import type { ResponseHead } from './response-fields.ts'

/** The connection as a response sees it. */
export interface BodySource {
  /** Reads on; the response takes the bytes again. */
  resume(): void
  /** Nobody wants the rest. `memoryInUse`: the read buffer may still be read and must not be filled. */
  discard(memoryInUse: boolean): void
  /** The descriptor, when the next bytes of the body are the next that can be read from it. */
  lend(progress: CopyProgress): number | undefined
  /** So many bytes of the body were read elsewhere; `resume` is still due. */
  takeBack(bytes: number): void
}

/** Made once: a close is the usual end, and an error costs as much as a small response. */
const CLOSED = new GatewayError('ERR_ORIGIN_READ', 'the response was closed')

/**
 * A response whose body waits until it is sent somewhere. Bytes are passed on where they were read; the
 * connection stands still while a piece is in use. Windows of the body may be sent one after the other,
 * in ascending order.
 */
export class HttpResponse {
  readonly head: ResponseHead
  #source: BodySource | undefined
  /** Offset in the body of the first byte that was not passed on or skipped yet. */
  #position = 0
  #rest: Uint8Array | undefined
  /** Memory of `#rest` or of the refused chunk, when the connection was given another. */
  #ownBuffer: Buffer | undefined
  #window: Window | undefined
  /** A sink may be reading the last chunk. */
  #isLent = false
  #isComplete = false
  #failure: GatewayError | undefined

  constructor(head: ResponseHead, source: BodySource) {
    this.head = head
    this.#source = source
  }

  /** Whether a window that begins at `start` can still be sent. */
  canSend(start: number): boolean {
    return !this.#failure && start >= this.#position && (!!this.#source || this.#isComplete)
  }

  /** Sends the body's bytes from `start` up to `end`; `Infinity` means to its end, however far that is. */
  send(start: number, end: number, sink: ByteSink): Transfer {
    const window = new Window(this, start, end, sink)
    this.#window = window
    // the caller must hold the transfer before the sink is called
    queueMicrotask(() => {
      if (this.#window === window) this.#proceed(window)
    })
    return window
  }

  /** Gives the rest of the body back. */
  close(): void {
    this.#window = undefined
    this.#rest = undefined
    this.#failure ??= CLOSED
    this.#returnBuffer()
    const source = this.#source
    this.#source = undefined
    source?.discard(this.#isLent)
  }

  /** From the connection: the next bytes of the body. False: they stay in use, read no further. */
  receive(chunk: Uint8Array): boolean {
    const window = this.#window
    if (window && !window.isRefused) return this.#pass(chunk, window)
    this.#rest = chunk
    return false
  }

  /** From the connection: the body is complete. `buffer` holds the bytes that are still in use. */
  complete(buffer: Buffer | undefined): void {
    this.#isComplete = true
    this.#source = undefined
    this.#ownBuffer = buffer
    const window = this.#window
    if (window && !window.isRefused && !this.#rest) this.#endShort(window)
  }

  /** From the connection: the body broke. */
  fail(error: GatewayError): void {
    this.#failure = error
    this.#source = undefined
    this.#rest = undefined
    const window = this.#window
    this.#window = undefined
    window?.sink.fail(error)
  }

  /** From the window: its sink takes bytes again. */
  resume(window: Window): void {
    if (this.#window !== window || !window.isRefused) return
    window.isRefused = false
    this.#isLent = false
    this.#proceed(window)
  }

  /** From the window: nobody reads it any more. */
  abort(window: Window): void {
    if (this.#window === window) this.close()
  }

  /** From the window: its bytes may leave without passing here. */
  lend(window: Window, progress: CopyProgress): LentSource | undefined {
    // the last byte comes with whatever lies behind it, which must not answer the next request
    const last = (this.head.contentLength ?? 0) - 1
    const length = Math.min(window.end, last) - this.#position
    const isDue = this.#window === window && window.isRefused && window.start <= this.#position
    if (!isDue || this.#rest || length <= 0) return undefined
    const fd = this.#source?.lend(progress)
    if (fd === undefined) return undefined
    this.#isLent = false
    const giveBack = (bytes: number): void => {
      if (this.#window !== window) return
      this.#position += bytes
      this.#source?.takeBack(bytes)
      window.isRefused = false
      this.#proceed(window)
    }
    return { fd, isSocket: true, offset: 0, length, giveBack }
  }

  #proceed(window: Window): void {
    if (this.#failure) {
      this.#window = undefined
      window.sink.fail(this.#failure)
      return
    }
    if (this.#position >= window.end) {
      this.#endWindow(window)
      return
    }
    const rest = this.#rest
    this.#rest = undefined
    if (rest && !this.#pass(rest, window)) return
    if (this.#window !== window) return
    if (this.#isComplete) this.#endShort(window)
    else this.#source?.resume()
  }

  /** Passes the window's part of the chunk to its sink and keeps what lies behind it. */
  #pass(chunk: Uint8Array, window: Window): boolean {
    const from = Math.max(0, window.start - this.#position)
    if (from >= chunk.length) {
      this.#position += chunk.length
      return true
    }
    const to = Math.min(chunk.length, window.end - this.#position)
    this.#position += to
    if (to < chunk.length) this.#rest = chunk.subarray(to)
    this.#isLent = true
    const isTaken = window.sink.write(
      from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to),
    )
    if (this.#window !== window) return false
    if (!isTaken) {
      window.isRefused = true
      return false
    }
    this.#isLent = false
    if (this.#position >= window.end) this.#endWindow(window)
    return this.#rest === undefined
  }

  #endWindow(window: Window): void {
    this.#window = undefined
    if (!this.#rest) this.#returnBuffer()
    window.sink.end()
  }

  /** The body ended before the window did, which is right for an open-ended window only. */
  #endShort(window: Window): void {
    if (window.end === Infinity) this.#endWindow(window)
    else
      this.fail(new GatewayError('ERR_ORIGIN_READ', 'the body ended before its announced length'))
  }

  #returnBuffer(): void {
    const buffer = this.#ownBuffer
    this.#ownBuffer = undefined
    if (!buffer) return
    if (this.#isLent) readBuffers.forget(buffer)
    else readBuffers.give(buffer)
  }
}

/** One stretch of a body on its way to a sink. */
class Window implements Transfer {
  readonly start: number
  readonly end: number
  readonly sink: ByteSink
  /** The sink holds a chunk. */
  isRefused = false
  readonly #response: HttpResponse

  constructor(response: HttpResponse, start: number, end: number, sink: ByteSink) {
    this.#response = response
    this.start = start
    this.end = end
    this.sink = sink
  }

  resume(): void {
    this.#response.resume(this)
  }

  abort(): void {
    this.#response.abort(this)
  }

  lend(progress: CopyProgress): LentSource | undefined {
    return this.#response.lend(this, progress)
  }
}
