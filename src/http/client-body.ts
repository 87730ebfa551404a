import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ByteSink, Transfer } from '../base/byte-sink.ts'
import { asGatewayError, type GatewayError } from '../base/failure.ts'
import type { SharedRate } from '../lease/rate.ts'
import type { Exchange } from './exchange.ts'

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
  readonly rate: SharedRate | undefined
  /** Hears of object bytes before they are sent; they wait for its promise. */
  readonly count: ((start: number, end: number) => Promise<void> | undefined) | undefined
  /** Every byte of the current transfer was handed to the kernel. */
  readonly onPartEnd: () => void
  readonly onFailure: (error: GatewayError) => void
}

/**
 * The client's end of a body. Chunks are written past `ServerResponse` to the socket: the
 * Content-Length is known and counted here, so no framing is needed, and a chunk's memory is free when
 * the kernel took it. Bodies without length go through `ServerResponse`, which frames them.
 */
export class ClientBody implements ByteSink {
  readonly #exchange: Exchange
  readonly #response: ServerResponse
  readonly #options: ClientBodyOptions
  /** Set once the head is out and chunks go straight to it. */
  #socket: Socket | undefined
  #transfer: Transfer | undefined
  #part = 0
  #position = 0
  #ended = false
  #closed = false
  /** What follows when the kernel has taken the last write; undefined when it has. */
  #afterWrite: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  /** A chunk waits until it is counted. */
  #isWaiting = false

  constructor(exchange: Exchange, options: ClientBodyOptions) {
    this.#exchange = exchange
    this.#response = exchange.response
    this.#options = options
    exchange.holdUntilClosed(() => {
      this.#closed = true
      clearTimeout(this.#timer)
      this.#transfer?.abort()
    })
  }

  /** Follows a transfer of the object's bytes from `start` on. */
  follow(start: number, begin: (sink: ByteSink) => Transfer): void {
    const part = ++this.#part
    this.#position = start
    this.#ended = false
    const transfer = begin(this)
    // a transfer that ended at once may have begun the next one already
    if (part === this.#part) this.#transfer = transfer
    if (this.#closed) transfer.abort()
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed) return false
    const { rate, length } = this.#options
    if (rate) {
      this.#writePaced(chunk, 0, rate)
      return false
    }
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
    return this.#send(chunk, this.#goOn)
  }

  end(): void {
    this.#ended = true
    const isSending = this.#afterWrite || this.#isWaiting || this.#timer !== undefined
    if (!isSending) this.#options.onPartEnd()
  }

  fail(error: GatewayError): void {
    this.#closed = true
    clearTimeout(this.#timer)
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
    let counted: Promise<void> | undefined
    try {
      counted = this.#options.count?.(this.#position, this.#position + bytes)
    } catch (error) {
      this.#failCounting(error)
      return false
    }
    this.#position += bytes
    this.#exchange.bytes += bytes
    return counted ?? true
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
      // head and first chunk leave in one system call
      socket.cork()
      this.#writeHead()
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
    else this.#transfer?.resume()
  }

  /** Behind framing no transfer waits to be resumed. */
  readonly #endIfEnded = (): void => {
    if (this.#ended) this.#options.onPartEnd()
  }

  /** Sends a chunk piece by piece, each at the moment that the shared rate gives it. */
  #writePaced(chunk: Uint8Array, from: number, rate: SharedRate): void {
    const piece = chunk.subarray(from, from + rate.piece)
    const next = from + piece.length
    const goOn = (): void => {
      if (next < chunk.length) this.#writePaced(chunk, next, rate)
      else this.#goOn()
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#closed) return
      const counted = this.#account(piece.length)
      if (counted === true) {
        if (this.#send(piece, goOn)) goOn()
      } else if (counted) this.#sendAfter(counted, piece, goOn)
    }, rate.book(piece.length))
  }
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
