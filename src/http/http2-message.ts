import { EventEmitter } from 'node:events'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { RequestMessage, ResponseMessage } from './message.ts'

/** Fields of one HTTP/1.1 connection; HTTP/2 has none of them (RFC 9113 section 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** A request of an HTTP/2 stream. nghttp2 has refused what is malformed (RFC 9113 section 8.1.1). */
export class Http2Request implements RequestMessage {
  readonly httpVersion = '2'
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly socket: Socket
  readonly #stream: ServerHttp2Stream

  constructor(stream: ServerHttp2Stream, raw: readonly string[], socket: Socket) {
    const { pseudo, fields } = split(raw)
    this.method = pseudo.get(':method') ?? ''
    // of other schemes nghttp2 does not check that the path is one
    this.url = /^https?$/i.test(pseudo.get(':scheme') ?? '') ? (pseudo.get(':path') ?? '') : ''
    this.rawHeaders = withHost(fields, pseudo.get(':authority'))
    this.socket = socket
    this.#stream = stream
  }

  get complete(): boolean {
    return this.#stream.endAfterHeaders || this.#stream.readableEnded
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    // the answer goes out on the same stream: who stops reading must not end it
    return this.#stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  }
}

function split(raw: readonly string[]): { pseudo: Map<string, string>; fields: string[] } {
  const pseudo = new Map<string, string>()
  const fields: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const value = raw[i + 1] ?? ''
    if (name.startsWith(':')) pseudo.set(name, value)
    else fields.push(name, value)
  }
  return { pseudo, fields }
}

/** `:authority` as the field Host. One that says something else stays beside it and is refused as a second. */
function withHost(fields: readonly string[], authority: string | undefined): readonly string[] {
  if (authority === undefined) return fields
  const kept: string[] = ['host', authority]
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? ''
    const value = fields[i + 1] ?? ''
    const isSame = name === 'host' && value.toLowerCase() === authority.toLowerCase()
    if (!isSame) kept.push(name, value)
  }
  return kept
}

/** The answer on an HTTP/2 stream: what `ServerResponse` is for HTTP/1.1. */
export class Http2Response extends EventEmitter implements ResponseMessage {
  statusCode = 200
  readonly #stream: ServerHttp2Stream
  #head: string[] | undefined
  #ended = false

  constructor(stream: ServerHttp2Stream, idleMs: number) {
    super()
    this.#stream = stream
    // what a reset has to say is in the record; a listener keeps it from ending the process
    stream.on('error', () => {})
    stream.once('close', () => {
      this.emit('close')
    })
    stream.setTimeout(idleMs, () => {
      this.emit('timeout', stream)
    })
  }

  get headersSent(): boolean {
    return this.#head !== undefined
  }

  get closed(): boolean {
    return this.#stream.destroyed
  }

  get destroyed(): boolean {
    return this.#stream.destroyed
  }

  get writableEnded(): boolean {
    return this.#ended
  }

  /** node ends the writable side of a stream by itself when the client resets it: that is no end of ours. */
  get writableFinished(): boolean {
    return this.#ended && this.#stream.writableFinished
  }

  get socket(): ServerHttp2Stream {
    return this.#stream
  }

  writeHead(status: number, headers: readonly string[]): void {
    this.statusCode = status
    this.#head = [':status', String(status)]
    for (let i = 0; i + 1 < headers.length; i += 2) {
      // RFC 9113 section 8.2.1: names are in lower case
      const name = (headers[i] ?? '').toLowerCase()
      if (!CONNECTION_FIELDS.has(name)) this.#head.push(name, headers[i + 1] ?? '')
    }
  }

  flushHeaders(): void {
    this.#respond(false)
  }

  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean {
    this.#respond(false)
    return this.#stream.write(chunk, done)
  }

  end(body?: string | Uint8Array, encoding: BufferEncoding = 'utf8'): void {
    if (this.#ended || this.#stream.destroyed) return
    this.#ended = true
    if (!this.#stream.endAfterHeaders) this.#stopRequest()
    if (body === undefined || body.length === 0) {
      if (this.#stream.headersSent) this.#stream.end()
      else this.#respond(true)
      return
    }
    this.#respond(false)
    if (typeof body === 'string') this.#stream.end(body, encoding)
    else this.#stream.end(body)
  }

  destroy(): void {
    // with an error the client reads RST_STREAM and INTERNAL_ERROR, never a body that seems whole
    this.#stream.destroy(new Error('the answer was cut'))
  }

  /** What the client still sends of an answered request is of no use (RFC 9113 section 8.1). */
  #stopRequest(): void {
    const stream = this.#stream
    stream.once('finish', () => {
      if (!stream.readableEnded) stream.close()
    })
  }

  #respond(endStream: boolean): void {
    const stream = this.#stream
    if (stream.headersSent || stream.destroyed || stream.closed || !this.#head) return
    stream.respond(this.#head, { endStream })
  }
}
