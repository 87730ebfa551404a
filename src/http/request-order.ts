import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { closeBehindAnswer } from './close-behind-answer.ts'

/** Requests of one connection that may wait behind the first. No known client sends that many ahead. */
const MAX_WAITING = 64

export type Handle = (request: IncomingMessage, response: ServerResponse) => void
type ProtocolError = Error & { readonly code?: string }

/** What is known of bytes that were no request. */
export interface RefusedBytes {
  /** The id in the answer. */
  readonly id: string
  readonly status: number
  /** The parser's code, as HPE_INVALID_VERSION. */
  readonly fault: string
  readonly socket: Duplex
  readonly bytes: number
}

export type ProtocolErrorListener = (refused: RefusedBytes) => void

/** The answer that a connection is busy with, and the requests that came behind it. */
interface Turn {
  readonly response: ServerResponse
  readonly waiting: (() => void)[]
  /** The client sent something that is no request: the connection ends with this answer. */
  isLast: boolean
}

/**
 * The order of requests in their connections. node emits pipelined requests while an earlier answer
 * still runs; here each waits for the answer before it, and is dropped when that one closes the
 * connection. Bytes that are no request end the connection, too, but never an answer in progress.
 */
export class RequestOrder {
  readonly #turns = new WeakMap<Duplex, Turn>()
  readonly #handle: Handle
  readonly #onProtocolError: ProtocolErrorListener

  constructor(handle: Handle, onProtocolError: ProtocolErrorListener) {
    this.#handle = handle
    this.#onProtocolError = onProtocolError
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    // an answer has ended the connection, and the parser still had bytes behind its request
    if (!socket.writable) return
    const current = this.#turns.get(socket)
    if (current) {
      if (current.waiting.length >= MAX_WAITING) socket.destroy()
      current.waiting.push(() => {
        this.serve(request, response)
      })
      return
    }
    const turn: Turn = { response, waiting: [], isLast: false }
    this.#turns.set(socket, turn)
    response.once('close', () => {
      this.#turns.delete(socket)
      this.#goOn(socket, turn)
    })
    this.#handle(request, response)
  }

  #goOn(socket: Socket, { response, waiting, isLast }: Turn): void {
    if (isLast) closeBehindAnswer(socket)
    const [next, ...rest] = waiting
    // an answer with `Connection: close` leaves shouldKeepAlive as it was, but node has ended the socket
    if (!next || isLast || !response.shouldKeepAlive || !socket.writable) return
    // node hands the socket to the next response after this event
    process.nextTick(() => {
      next()
      this.#turns.get(socket)?.waiting.push(...rest)
    })
  }

  /** The parser refused the bytes; nobody knows where a next request would begin. */
  refuse(error: ProtocolError, socket: Duplex): void {
    const turn = this.#turns.get(socket)
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || !socket.writable) socket.destroy()
    else if (turn) {
      turn.isLast = true
      turn.response.shouldKeepAlive = false
    } else this.#onProtocolError(answerProtocolError(error, socket))
  }
}

function answerProtocolError({ code, message }: ProtocolError, socket: Duplex): RefusedBytes {
  const [status, title] = PROTOCOL_ERRORS.get(code ?? '') ?? [400, 'Bad Request']
  const id = randomUUID()
  const problem = { type: 'about:blank', title, status, code: 'request_invalid', request_id: id }
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${body.length}`,
    `X-Request-Id: ${id}`,
    'Cache-Control: no-store',
    'Connection: close',
    `Date: ${new Date().toUTCString()}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  closeBehindAnswer(socket)
  return { id, status, fault: code ?? message, socket, bytes: body.length }
}

const PROTOCOL_ERRORS: ReadonlyMap<string, readonly [status: number, title: string]> = new Map([
  ['HPE_HEADER_OVERFLOW', [431, 'Request Header Fields Too Large']],
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'Request Timeout']],
])
