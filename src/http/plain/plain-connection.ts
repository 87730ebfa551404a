import type { Socket } from 'node:net'
import { closeBehindAnswer } from '../close-behind-answer.ts'
import type { RequestMessage, ResponseMessage } from '../message.ts'
import { MAX_PLAIN_HEAD, type PlainHead, readPlainHead } from './plain-head.ts'
import { PlainResponse } from './plain-response.ts'

/** Bytes that may wait behind an answer in progress before the connection is read no further. */
const MAX_WAITING = 64 * 1024

/** What plain connections share. */
export interface PlainTerms {
  readonly handle: (request: RequestMessage, response: ResponseMessage) => void
  /** Takes over a connection whose next bytes are no plain request; they are in the socket again. */
  readonly handOver: (socket: Socket) => void
  readonly isDraining: () => boolean
  readonly onClosed: (connection: PlainConnection) => void
  /** A first request must begin within this time. */
  readonly headMs: number
  /** A reader that takes nothing for this time is told of. */
  readonly idleMs: number
  /** A connection without request is closed after this time, which is longer. */
  readonly keepAliveMs: number
}

/**
 * A connection of a client as long as its requests are plain. One is answered after the other; what is
 * anything else goes to a full parser with the connection, once the answer before it has ended.
 */
export class PlainConnection {
  readonly #socket: Socket
  readonly #terms: PlainTerms
  #response: PlainResponse | undefined
  /** What was read and not answered yet. */
  #waiting: Buffer | undefined
  /** It has waited, but for what the timer still runs. */
  #endsByTimeout = true

  constructor(socket: Socket, terms: PlainTerms) {
    this.#socket = socket
    this.#terms = terms
    socket.setTimeout(terms.headMs)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('error', this.#onError)
    socket.on('timeout', this.#onTimeout)
  }

  /** No request is answered, and no last answer waits for its reader. */
  get isIdle(): boolean {
    return this.#response === undefined && !this.#socket.writableEnded
  }

  destroy(): void {
    this.#socket.destroy()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#waiting = this.#waiting ? Buffer.concat([this.#waiting, chunk]) : chunk
    if (!this.#response) this.#next()
    else if (this.#waiting.length > MAX_WAITING) this.#socket.pause()
  }

  /** Answers the request that comes next, if one waits. */
  #next(): void {
    const waiting = this.#waiting
    if (!waiting) return
    const head = readPlainHead(waiting.toString('latin1', 0, MAX_PLAIN_HEAD))
    if (!head) {
      this.#leave(waiting)
      return
    }
    this.#waiting = head.end < waiting.length ? waiting.subarray(head.end) : undefined
    const { idleMs, keepAliveMs, isDraining, handle } = this.#terms
    const response = new PlainResponse(this.#socket, {
      isHead: head.method === 'HEAD',
      isLast: head.isLast || isDraining(),
      keepAliveSeconds: Math.floor(keepAliveMs / 1000),
      onOver: this.#onAnswered,
    })
    this.#response = response
    if (this.#endsByTimeout) {
      this.#endsByTimeout = false
      this.#socket.setTimeout(idleMs)
    }
    handle(new PlainRequest(head, this.#socket), response)
  }

  /** The answer is with the kernel. */
  readonly #onAnswered = (): void => {
    const response = this.#response
    if (!response) return
    this.#response = undefined
    response.close()
    if (!response.shouldKeepAlive) {
      this.#waiting = undefined
      closeBehindAnswer(this.#socket)
      return
    }
    // more is read only as what was read is answered
    const isBehind = this.#waiting !== undefined && this.#waiting.length > MAX_WAITING
    if (!isBehind && this.#socket.isPaused()) this.#socket.resume()
    this.#next()
  }

  /** Gives the connection, with the bytes that were read of it, to the full parser. */
  #leave(waiting: Buffer): void {
    const socket = this.#socket
    this.#waiting = undefined
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.off('error', this.#onError)
    socket.off('timeout', this.#onTimeout)
    socket.setTimeout(0)
    socket.pause()
    socket.unshift(waiting)
    this.#terms.onClosed(this)
    this.#terms.handOver(socket)
    socket.resume()
  }

  /** The client sends no more: like a full parser does, take it for gone. */
  readonly #onEnd = (): void => {
    this.#waiting = undefined
    this.#socket.end()
  }

  readonly #onTimeout = (): void => {
    const { idleMs, keepAliveMs } = this.#terms
    if (this.#response) this.#response.timeOut()
    else if (this.#endsByTimeout) this.#socket.destroy()
    else {
      // the timer is not set anew for each request: an idle connection lives on for the difference
      this.#endsByTimeout = true
      this.#socket.setTimeout(keepAliveMs - idleMs)
    }
  }

  readonly #onError = (): void => {
    this.#socket.destroy()
  }

  readonly #onClose = (): void => {
    const response = this.#response
    this.#response = undefined
    this.#waiting = undefined
    response?.close()
    this.#terms.onClosed(this)
  }
}

/** A request without body. */
class PlainRequest implements RequestMessage {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly httpVersion = '1.1'
  readonly complete = true
  readonly socket: Socket

  constructor({ method, url, rawHeaders }: PlainHead, socket: Socket) {
    this.method = method
    this.url = url
    this.rawHeaders = rawHeaders
    this.socket = socket
  }

  // oxlint-disable-next-line require-yield
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    // there is nothing to read
  }
}
