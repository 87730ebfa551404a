import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ResponseMessage, WatchedStream } from '../message.ts'

/** Of a field value (RFC 9110 section 5.5): what ends a line would begin a field of its own. */
const NOT_IN_A_FIELD = /[^\t\x20-\x7e\x80-\xff]/

export interface PlainResponseTerms {
  readonly isHead: boolean
  /** The connection ends behind the answer. */
  readonly isLast: boolean
  /** How long the connection stays without another request. */
  readonly keepAliveSeconds: number
  /** All of the answer is with the kernel. */
  readonly onOver: () => void
}

/** The answer to a plain request: one text of head and small body, or the head and what is written past it. */
export class PlainResponse implements ResponseMessage {
  /** Whether the connection stays open behind the answer. */
  shouldKeepAlive: boolean
  statusCode = 200
  headersSent = false
  writableEnded = false
  writableFinished = false
  closed = false
  readonly #socket: Socket
  readonly #isHead: boolean
  readonly #keepAliveSeconds: number
  readonly #onOver: () => void
  #head = ''
  #isChunked = false
  #onClose: (() => void) | undefined
  #onTimeout: ((stream: WatchedStream) => void) | undefined

  constructor(socket: Socket, { isHead, isLast, keepAliveSeconds, onOver }: PlainResponseTerms) {
    this.#socket = socket
    this.#isHead = isHead
    this.#keepAliveSeconds = keepAliveSeconds
    this.#onOver = onOver
    this.shouldKeepAlive = !isLast
  }

  get socket(): Socket | null {
    return this.closed ? null : this.#socket
  }

  get destroyed(): boolean {
    return this.#socket.destroyed
  }

  writeHead(status: number, headers: readonly string[]): void {
    if (this.headersSent) throw new Error('the head was sent already')
    const hasBody = !this.#isHead && status !== 204 && status !== 304
    let hasLength = false
    let closes = false
    let fields = ''
    let values = ''
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i] as string
      const value = headers[i + 1] as string
      fields += `${name}: ${value}\r\n`
      values += value
      if (name === 'Content-Length') hasLength = true
      else if (name === 'Connection') closes = true
    }
    if (NOT_IN_A_FIELD.test(values)) {
      throw new TypeError('a field value holds a byte that it must not')
    }
    this.statusCode = status
    this.headersSent = true
    if (closes) this.shouldKeepAlive = false
    this.#isChunked = hasBody && !hasLength
    if (this.#isChunked) fields += 'Transfer-Encoding: chunked\r\n'
    const connection = this.shouldKeepAlive
      ? `Connection: keep-alive\r\nKeep-Alive: timeout=${this.#keepAliveSeconds}\r\n`
      : closes
        ? ''
        : 'Connection: close\r\n'
    this.#head = `${statusLine(status)}${fields}${dateField()}${connection}\r\n`
  }

  flushHeaders(): void {
    const head = this.#head
    this.#head = ''
    if (head !== '') this.#socket.write(head, 'latin1')
  }

  write(chunk: Uint8Array, written: (error?: Error | null) => void): boolean {
    const socket = this.#socket
    socket.cork()
    this.flushHeaders()
    // a chunk of no bytes would say that the body ends
    if (!this.#isChunked || chunk.length === 0) socket.write(chunk, written)
    else {
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      socket.write(chunk)
      socket.write('\r\n', 'latin1', written)
    }
    socket.uncork()
    return socket.writableLength === 0
  }

  end(body?: string | Uint8Array, encoding: BufferEncoding = 'latin1'): void {
    if (this.writableEnded) return
    this.writableEnded = true
    const socket = this.#socket
    const head = this.#head
    this.#head = ''
    const rest = this.#isHead ? undefined : body
    if (rest === undefined || rest.length === 0) {
      const last = this.#isChunked ? `${head}0\r\n\r\n` : head
      // a body that was written past this answer is with the kernel when it ends
      if (last === '' && socket.writableLength === 0) process.nextTick(this.#onFlushed)
      else socket.write(last, 'latin1', this.#onFlushed)
    } else if (this.#isChunked) throw new Error('a body that is sent whole has a length')
    else if (typeof rest === 'string' && encoding === 'latin1') {
      socket.write(head + rest, 'latin1', this.#onFlushed)
    } else {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(typeof rest === 'string' ? Buffer.from(rest, encoding) : rest, this.#onFlushed)
      socket.uncork()
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }

  once(_event: 'close', listener: () => void): void {
    const before = this.#onClose
    this.#onClose = before
      ? () => {
          before()
          listener()
        }
      : listener
  }

  on(_event: 'timeout', listener: (stream: WatchedStream) => void): void {
    this.#onTimeout = listener
  }

  /** From the connection: the socket moved nothing for its time. */
  timeOut(): void {
    this.#onTimeout?.(this.#socket)
  }

  /** From the connection: the socket is gone, or the answer is over. Comes once. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.#onClose?.()
  }

  readonly #onFlushed = (error?: Error | null): void => {
    if (error || this.closed) return
    this.writableFinished = true
    this.#onOver()
  }
}

const statusLines = new Map<number, string>()

function statusLine(status: number): string {
  let line = statusLines.get(status)
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
    statusLines.set(status, line)
  }
  return line
}

let dateSecond = -1
let dateText = ''

/** The Date field (RFC 9110 section 6.6.1), made once a second. */
function dateField(): string {
  const now = Date.now()
  const second = Math.floor(now / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = `Date: ${new Date(now).toUTCString()}\r\n`
  }
  return dateText
}
