import type { Socket } from 'node:net'
import type { CopyProgress } from '../../base/byte-sink.ts'
import { descriptorOf } from '../../base/descriptor.ts'
import { GatewayError } from '../../base/failure.ts'
import { BodyReader } from './body-reader.ts'
import type { Exchange } from './exchange.ts'
import { HttpResponse, type BodySource } from './http-response.ts'
import { Loan } from './loan.ts'
import { malformed, type ResponseHead } from './response-fields.ts'
import { type Endpoint, openTcp, openTls, type SocketReader } from './origin-socket.ts'
import { PacedBuffer } from './paced-buffer.ts'
import { ResponseHeadParser } from './response-head.ts'

/** A rest of at most this many bytes is read to its end to keep the connection. */
const DRAIN_BYTES = 16 * 1024

export interface ConnectionOwner {
  /** The connection is free for another request. */
  onIdle(connection: Connection): void
  onClosed(connection: Connection): void
}

type State = 'connecting' | 'idle' | 'head' | 'body' | 'closed'

/** One connection to an origin: a request at a time, its bytes read into one reused buffer. */
export class Connection implements BodySource {
  /** `Keep-Alive: timeout=` of the last response, in seconds. */
  keepAliveSeconds: number | undefined
  readonly #owner: ConnectionOwner
  readonly #endpoint: Endpoint
  readonly #socket: Socket
  readonly #head = new ResponseHeadParser()
  readonly #body = new BodyReader()
  #state: State = 'connecting'
  #exchange: Exchange | undefined
  #response: HttpResponse | undefined
  #isReused = false
  #isPersistent = false
  /** Undefined on TLS. */
  readonly #buffer: PacedBuffer | undefined
  /** The piece that was read last, and the part of it that waits while paused. */
  #chunk: Buffer | undefined
  #at = 0
  #end = 0
  #isPaused = false
  #quietTicks = 0
  #loan: Loan | undefined

  constructor(owner: ConnectionOwner, endpoint: Endpoint, exchange: Exchange) {
    this.#owner = owner
    this.#endpoint = endpoint
    this.#exchange = exchange
    this.#buffer = endpoint.isSecure ? undefined : new PacedBuffer()
    const reader: SocketReader = {
      nextBuffer: () => (this.#buffer as PacedBuffer).next,
      onConnect: () => {
        this.#onConnect()
      },
      onBytes: (chunk, length) => this.#onBytes(chunk, length),
      onEnd: () => {
        this.#onEnd()
      },
      onGone: (error) => {
        this.#onGone(error)
      },
    }
    this.#socket = endpoint.isSecure ? openTls(endpoint, reader) : openTcp(endpoint, reader)
  }

  /** Sends the next request on an idle connection. */
  start(exchange: Exchange): void {
    this.#isReused = true
    this.#exchange = exchange
    this.#send(exchange)
  }

  /** Ends everything at once; the response and the exchange hear of it. */
  destroy(error: GatewayError): void {
    this.#fail(error, false)
  }

  /** Ends the exchange without a word to it. */
  abandon(): void {
    this.#exchange = undefined
    this.#close()
  }

  /** One step of the pool's coarse clock. True: nothing came for `limit` steps. */
  passTick(idleLimit: number, limit: number): boolean {
    if (this.#loan) {
      if (!this.#loan.isSilent()) this.#quietTicks = 0
    } else if (this.#isPaused) return false
    return ++this.#quietTicks > (this.#state === 'idle' ? idleLimit : limit)
  }

  get state(): State {
    return this.#state
  }

  /** Nobody wants the rest of the body; it is read to its end to keep the connection. */
  get isDraining(): boolean {
    return this.#state === 'body' && !this.#response
  }

  resume(): void {
    if (!this.#isPaused || this.#state === 'closed') return
    this.#isPaused = false
    this.#quietTicks = 0
    const chunk = this.#chunk
    if (chunk) this.#buffer?.resumed(this.#end)
    if (chunk && !this.#consume(chunk)) this.#pause()
    else if (this.#state !== ('closed' as State)) this.#socket.resume()
  }

  discard(memoryInUse: boolean): void {
    this.#response = undefined
    if (memoryInUse) {
      this.#buffer?.forget()
      this.#close()
    } else if (this.#body.left <= DRAIN_BYTES && this.#isPersistent && !this.#loan) this.resume()
    else this.#close()
  }

  lend(progress: CopyProgress): number | undefined {
    const isDue = this.#state === 'body' && this.#isPaused && this.#at === this.#end
    if (!isDue || this.#body.framing !== 'length') return undefined
    const descriptor = descriptorOf(this.#socket)
    if (descriptor === undefined) return undefined
    this.#chunk = undefined
    this.#loan = new Loan(progress)
    this.#quietTicks = 0
    return descriptor
  }

  takeBack(bytes: number): void {
    this.#loan = undefined
    this.#body.skip(bytes)
  }

  #onConnect(): void {
    const { mayUse } = this.#endpoint
    if (mayUse && !mayUse(this.#socket.remoteAddress ?? '')) {
      const error = new GatewayError(
        'ERR_ORIGIN_REDIRECT',
        'a redirect leads to an address that is not public',
      )
      this.#fail(error, false)
    } else if (this.#exchange) this.#send(this.#exchange)
  }

  #send(exchange: Exchange): void {
    this.#state = 'head'
    this.#quietTicks = 0
    this.#head.reset()
    this.#socket.write(exchange.text, 'latin1')
  }

  /** Takes what was read; false stops reading. */
  #onBytes(chunk: Buffer, length: number): boolean {
    this.#quietTicks = 0
    if (this.#state !== 'head' && this.#state !== 'body') {
      // bytes that answer no request would be taken for the next answer
      this.#close()
      return false
    }
    this.#at = 0
    this.#end = length
    if (!this.#consume(chunk)) {
      this.#pause()
      return false
    }
    this.#buffer?.passed(length)
    return true
  }

  #pause(): void {
    this.#isPaused = true
    this.#buffer?.refused()
  }

  /** Reads on in the current piece. False: a part of it stays in use. */
  #consume(chunk: Buffer): boolean {
    try {
      if (this.#state === 'head') {
        this.#at = this.#head.push(chunk, this.#at, this.#end)
        if (this.#at < 0) return true
        this.#beginBody(this.#head.head as ResponseHead)
      }
      return this.#consumeBody(chunk)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#fail(error, false)
      return true
    }
  }

  #beginBody(head: ResponseHead): void {
    const exchange = this.#exchange as Exchange
    const hasBody = !exchange.isHead && head.status !== 204 && head.status !== 304
    this.#isPersistent = head.isPersistent
    this.keepAliveSeconds = head.keepAliveSeconds
    this.#body.begin(hasBody ? head.framing : 'length', hasBody ? (head.contentLength ?? 0) : 0)
    this.#state = 'body'
    this.#exchange = undefined
    this.#response = new HttpResponse(head, this)
    exchange.onResponse(this.#response)
  }

  #consumeBody(chunk: Buffer): boolean {
    const body = this.#body
    while (this.#at < this.#end && !body.isDone) {
      this.#at = body.read(chunk, this.#at, this.#end)
      if (body.dataEnd === body.dataStart) continue
      const isTaken = this.#response?.receive(chunk.subarray(body.dataStart, body.dataEnd)) ?? true
      if (this.#state !== 'body') return true
      // receive() may have ended in discard(), which leaves no response to wait for
      if (isTaken || !this.#response) continue
      if (!body.isDone) {
        this.#chunk = chunk
        return false
      }
      this.#finish(true)
      return true
    }
    if (body.isDone) this.#finish(false)
    return true
  }

  /** The body is complete. A piece that is still in use leaves with the response, as does its memory. */
  #finish(isChunkInUse: boolean): void {
    const response = this.#response
    const isClean = this.#isPersistent && this.#at === this.#end
    this.#response = undefined
    this.#chunk = undefined
    // only bytes of a counted body end in use, and those come from a read, so the next read takes the other
    const buffer = isChunkInUse ? this.#buffer?.replace() : undefined
    this.#buffer?.reset()
    this.#state = 'idle'
    this.#quietTicks = 0
    if (isClean) this.#owner.onIdle(this)
    else this.#close()
    response?.complete(buffer)
  }

  #onEnd(): void {
    if (this.#state === 'body' && this.#body.framing === 'close') {
      this.#isPersistent = false
      this.#finish(false)
    } else this.#onGone(undefined)
  }

  #onGone(cause: Error | undefined): void {
    if (this.#state === 'closed') return
    const options = cause && { cause }
    if (this.#state === 'body') {
      this.#fail(
        new GatewayError('ERR_ORIGIN_READ', 'the origin cut the body short', options),
        false,
      )
    } else if (this.#state === 'head' && this.#head.hasStarted)
      this.#fail(malformed('the head is cut short'), false)
    else {
      const isStale = this.#state === 'head' && this.#isReused
      this.#fail(
        new GatewayError('ERR_ORIGIN_UNREACHABLE', 'the origin cannot be reached', options),
        isStale,
      )
    }
  }

  #fail(error: GatewayError, isStale: boolean): void {
    const exchange = this.#exchange
    const response = this.#response
    this.#exchange = undefined
    this.#response = undefined
    // the sink of a paused response may still read the buffer
    if (this.#isPaused) this.#buffer?.forget()
    this.#close()
    exchange?.onFailure(error, isStale)
    response?.fail(error)
  }

  #close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#chunk = undefined
    this.#buffer?.give()
    this.#socket.destroy()
    this.#owner.onClosed(this)
  }
}
