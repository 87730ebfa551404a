import type { Duplex } from 'node:stream'
import type { ByteSink, Transfer } from '../base/byte-sink.ts'
import { asGatewayError, type GatewayError } from '../base/failure.ts'
import type { ByteRate, Waiter } from '../lease/rate.ts'
import type { KernelCopier } from '../kernel-copy/kernel-copier.ts'
import { CopiedStretches, LEAST_COPIED } from './copied-stretches.ts'
import type { Exchange } from './exchange.ts'
import type { ResponseMessage } from './message.ts'

/**
 * Up to this many bytes are sent together with the head: as one-byte text, which node joins with the
 * head into a single write, where a buffer would cost a vectored one.
 */
const SMALL_BODY = 16 * 1024

export interface ClientBodyOptions {
  /** Status and headers; sent with the first byte, so that a failure before it can still be answered. */
  readonly status: number
  readonly headers: readonly string[]
  /** Bytes of the body; undefined when it ends with the last chunk. */
  readonly length: number | undefined
  readonly rate: ByteRate | undefined
  /** Hears of object bytes before they are sent; they wait for its promise. */
  readonly count: ((start: number, end: number) => Promise<void> | undefined) | undefined
  /** Every byte of the current transfer was handed to the kernel. */
  readonly onPartEnd: () => void
  /** Moves long stretches past this process, where that can be done. */
  readonly copier?: KernelCopier | undefined
  readonly onFailure: (error: GatewayError) => void
}

/**
 * The client's end of a body. Chunks are written past `ServerResponse` to the socket, or to the HTTP/2 stream: the
 * Content-Length is known and counted here, so no framing is needed, and a chunk's memory is free when
 * the kernel took it. Bodies without length go through `ServerResponse`, which frames them.
 */
export class ClientBody implements ByteSink {
  readonly #exchange: Exchange
  readonly #response: ResponseMessage
  readonly #options: ClientBodyOptions
  /** Set once the head is out and chunks go straight to it. */
  #socket: Duplex | undefined
  #transfer: Transfer | undefined
  #part = 0
  #position = 0
  #ended = false
  #closed = false
  /** What follows when the kernel has taken the last write; undefined when it has. */
  #afterWrite: (() => void) | undefined
  /** Stands in the line of the rate. */
  #waiter: Waiter | undefined
  /** A chunk waits until it is counted. */
  #isWaiting = false
  /** Bytes up to here were counted. */
  #countedTo = 0
  #copies: CopiedStretches | undefined

  constructor(exchange: Exchange, options: ClientBodyOptions) {
    this.#exchange = exchange
    this.#response = exchange.response
    this.#options = options
    exchange.holdUntilClosed(() => {
      this.#closed = true
      this.#leaveLine()
      this.#copies?.stop()
      this.#transfer?.abort()
    })
  }

  /** Follows a transfer of the object's bytes from `start` on. */
  follow(start: number, begin: (sink: ByteSink) => Transfer): void {
    const part = ++this.#part
    this.#position = start
    this.#countedTo = start
    this.#ended = false
    const transfer = begin(this)
    // a transfer that ended at once may have begun the next one already
    if (part === this.#part) this.#transfer = transfer
    if (this.#closed) transfer.abort()
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed) return false
    const { rate, length } = this.#options
    if (rate) return this.#writePaced(chunk, rate)
    const counted = this.#account(chunk.length)
    if (counted !== true) {
      if (counted) this.#sendAfter(counted, chunk, this.#goOn)
      return false
    }
    if (chunk.length === length && length <= SMALL_BODY && !this.#response.headersSent) {
      this.#writeHead()
      this.#response.end(latin1Of(chunk), 'latin1')
      return true
    }
    const isTaken = this.#send(chunk, this.#goOn)
    if (!isTaken || !this.#mayCopy()) return isTaken
    // the transfer must stand still before it can lend
    queueMicrotask(this.#goOn)
    return false
  }

  end(): void {
    this.#ended = true
    const isSending = this.#afterWrite || this.#isWaiting || this.#waiter
    if (!isSending) this.#options.onPartEnd()
  }

  fail(error: GatewayError): void {
    this.#closed = true
    this.#leaveLine()
    this.#copies?.stop()
    this.#options.onFailure(error)
  }

  /** Bytes that are not the object's: the framing of a multipart body. */
  frame(bytes: Buffer): void {
    this.#exchange.bytes += bytes.length
    this.#send(bytes, this.#endIfEnded)
  }

  /** Ends the response behind the last part. */
  finish(): void {
    if (this.#response.writableEnded) return
    if (!this.#response.headersSent) this.#writeHead()
    this.#response.end()
  }

  /** Counts bytes before they go out; when they cannot be counted they do not go out. */
  #account(bytes: number): boolean | Promise<void> {
    const counted = this.#count(bytes)
    if (counted !== false) this.#passed(bytes)
    return counted
  }

  /** Counts the next bytes, each of them once. */
  #count(bytes: number): boolean | Promise<void> {
    const start = Math.max(this.#position, this.#countedTo)
    const end = this.#position + bytes
    if (start >= end) return true
    this.#countedTo = end
    try {
      return this.#options.count?.(start, end) ?? true
    } catch (error) {
      this.#failCounting(error)
      return false
    }
  }

  #passed(bytes: number): void {
    this.#position += bytes
    this.#exchange.bytes += bytes
  }

  #failCounting(error: unknown): void {
    this.#transfer?.abort()
    this.fail(asGatewayError(error))
  }

  /** Sends a chunk once it is counted; its memory is the sender's until `then`. */
  #sendAfter(counted: Promise<void>, chunk: Uint8Array, then: () => void): void {
    this.#isWaiting = true
    counted.then(
      () => {
        this.#isWaiting = false
        if (!this.#closed && this.#send(chunk, then)) then()
      },
      (error: unknown) => {
        this.#isWaiting = false
        if (!this.#closed) this.#failCounting(error)
      },
    )
  }

  #writeHead(): void {
    this.#exchange.markFirstByte()
    this.#response.writeHead(this.#options.status, this.#options.headers as string[])
  }

  /** Whether the kernel took all of it at once; if not, `then` follows when it did. */
  #send(chunk: Uint8Array, then: () => void): boolean {
    const { socket } = this.#response
    if (!socket) return false
    if (this.#options.length === undefined) {
      if (!this.#response.headersSent) this.#writeHead()
      this.#response.write(chunk, this.#onWritten)
    } else if (this.#socket) this.#socket.write(chunk, this.#onWritten)
    else {
      this.#writeHead()
      // head and first chunk leave in one system call
      socket.cork()
      this.#response.flushHeaders()
      socket.write(chunk, this.#onWritten)
      socket.uncork()
      this.#socket = socket
    }
    const taken = socket.writableLength === 0
    this.#afterWrite = taken ? undefined : then
    return taken
  }

  readonly #onWritten = (error?: Error | null): void => {
    const then = this.#afterWrite
    if (error || this.#closed || !then || this.#response.socket?.writableLength !== 0) return
    this.#afterWrite = undefined
    then()
  }

  readonly #goOn = (): void => {
    if (this.#ended) this.#options.onPartEnd()
    else if (!this.#mayCopy() || !this.#copyOn()) this.#transfer?.resume()
  }

  #mayCopy(): boolean {
    const { copier, length = 0, rate } = this.#options
    if (!copier || rate || this.#closed) return false
    if (length - this.#exchange.bytes < LEAST_COPIED) return false
    this.#copies ??= new CopiedStretches(this.#exchange, {
      copier,
      position: () => this.#position,
      count: (bytes) => this.#countWindow(bytes),
      onMoved: (bytes) => {
        this.#passed(bytes)
      },
      onTargetFailed: () => {
        this.#socket?.destroy()
      },
    })
    return this.#copies.mayBegin
  }

  #copyOn(): boolean {
    if (!this.#copies || !this.#transfer || !this.#socket) return false
    return this.#copies.begin(this.#transfer, this.#socket)
  }

  async #countWindow(bytes: number): Promise<boolean> {
    const counted = this.#count(bytes)
    if (counted === false) return false
    try {
      await counted
    } catch (error) {
      if (!this.#closed) this.#failCounting(error)
    }
    return !this.#closed
  }

  /** Behind framing no transfer waits to be resumed. */
  readonly #endIfEnded = (): void => {
    if (this.#ended) this.#options.onPartEnd()
  }

  /** Sends a chunk piece by piece, as the rate lets it. Whether all of it went at once; if not, the transfer goes on when it did. */
  #writePaced(chunk: Uint8Array, rate: ByteRate): boolean {
    let rest = chunk
    const sendPiece = (bytes: number): boolean => {
      const piece = rest.subarray(0, bytes)
      rest = rest.subarray(bytes)
      const counted = this.#account(bytes)
      if (counted === true) return this.#send(piece, goOn)
      if (counted) this.#sendAfter(counted, piece, goOn)
      return false
    }
    const sendRest = (): boolean => {
      while (rest.length > 0) {
        const granted = rate.take(waiter)
        if (granted === 0) {
          this.#waiter = waiter
          return false
        }
        if (!sendPiece(granted)) return false
      }
      return true
    }
    const goOn = (): void => {
      if (sendRest()) this.#goOn()
    }
    const waiter: Waiter = {
      get wanted() {
        return rest.length
      },
      go: (bytes) => {
        this.#waiter = undefined
        if (!this.#closed && sendPiece(bytes)) goOn()
      },
    }
    return sendRest()
  }

  #leaveLine(): void {
    if (this.#waiter) this.#options.rate?.leave(this.#waiter)
    this.#waiter = undefined
  }
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
