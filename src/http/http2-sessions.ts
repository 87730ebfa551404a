import { randomUUID } from 'node:crypto'
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { Http2Request, Http2Response } from './http2-message.ts'
import type { RequestMessage, ResponseMessage } from './message.ts'
import { peerOf } from './receive.ts'
import type { ProtocolErrorListener } from './request-order.ts'

export interface Http2Options {
  readonly handle: (request: RequestMessage, response: ResponseMessage) => void
  /** Hears of sessions that were ended because what came over them was no HTTP/2, or a flood. */
  readonly onProtocolError: ProtocolErrorListener
  readonly maxHeadBytes: number
  /** How long a client may take until its first request. */
  readonly headTimeoutMs: number
  /** How long a session may stay without a request after that. */
  readonly keepAliveMs: number
  /** A reader that takes nothing for this time is told so. */
  readonly idleMs: number
}

/**
 * What one client may ask of one session. nghttp2 and node end a session that goes over them: rapid
 * resets (CVE-2023-44487), CONTINUATION without end (CVE-2024-28182), floods of PING and SETTINGS.
 */
const LIMITS = {
  maxSessionMemory: 10,
  maxHeaderListPairs: 128,
  maxOutstandingPings: 10,
  maxOutstandingSettings: 10,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  // a player that seeks resets a few streams a second; 1,000 at once is an attack
  streamResetBurst: 200,
  streamResetRate: 20,
}

/** As many as browsers expect (RFC 9113 section 6.5.2 recommends no fewer than 100). */
const MAX_STREAMS = 100

/** How long the downloads of a client that is gone may keep their places. */
const WATCH_MS = 500

/** How a connection ends that is nobody's fault. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT'])

/** The HTTP/2 connections of the public port. Each stream is a request of its own. */
export class Http2Sessions {
  readonly #options: Http2Options
  readonly #server: Http2Server
  readonly #open = new Map<ServerHttp2Session, Socket>()
  #watch: NodeJS.Timeout | undefined
  #draining = false

  constructor(options: Http2Options) {
    this.#options = options
    this.#server = createServer({
      ...LIMITS,
      settings: {
        enablePush: false,
        maxConcurrentStreams: MAX_STREAMS,
        maxHeaderListSize: options.maxHeadBytes,
      },
    })
  }

  /** Takes a connection that has agreed on HTTP/2. */
  accept(socket: Socket): void {
    const begin = (session: ServerHttp2Session): void => {
      this.#begin(session, socket)
    }
    this.#server.once('session', begin)
    this.#server.emit('connection', socket)
    // a connection that made no session must not take the next one
    this.#server.off('session', begin)
  }

  /** Sends GOAWAY: answers in progress go on, and each session ends behind its last one. */
  goAway(): void {
    this.#draining = true
    for (const session of this.#open.keys()) session.close()
  }

  /** Cuts what is left. */
  destroy(): void {
    for (const session of this.#open.keys()) this.#cut(session)
  }

  /** A session that said goodbye would still wait for its reader to take the rest. */
  #cut(session: ServerHttp2Session): void {
    const socket = this.#open.get(session)
    session.destroy()
    socket?.destroy()
  }

  /** Ends sessions whose client is gone, which node does not notice while a write waits. */
  #startWatch(): void {
    this.#watch ??= setInterval(() => {
      for (const [session, socket] of this.#open) if (isReset(socket)) this.#cut(session)
    }, WATCH_MS)
  }

  #forget(session: ServerHttp2Session): void {
    this.#open.delete(session)
    if (this.#open.size > 0) return
    clearInterval(this.#watch)
    this.#watch = undefined
  }

  #begin(session: ServerHttp2Session, socket: Socket): void {
    const { handle, maxHeadBytes, headTimeoutMs, keepAliveMs, idleMs } = this.#options
    // read while the connection stands: a record of its end names the client
    peerOf(socket)
    let streams = 0
    // frames that are no request, as PING, do not keep a session
    let idle = setTimeout(() => {
      this.#cut(session)
    }, headTimeoutMs)
    this.#open.set(session, socket)
    this.#startWatch()
    session.once('close', () => {
      clearTimeout(idle)
      this.#forget(session)
    })
    session.on('error', (error: NodeJS.ErrnoException) => {
      this.#report(error, socket)
    })
    session.on('stream', (stream, _headers, _flags, raw) => {
      clearTimeout(idle)
      streams++
      stream.once('close', () => {
        streams--
        if (streams > 0 || session.closed) return
        idle = setTimeout(() => {
          session.close()
        }, keepAliveMs)
      })
      const response = new Http2Response(stream, idleMs)
      if (listSize(raw) <= maxHeadBytes) handle(new Http2Request(stream, raw, socket), response)
      else this.#refuseHead(response, socket)
    })
    if (this.#draining) session.close()
  }

  /** nghttp2 refuses a large head only once the client has acknowledged the limit. */
  #refuseHead(response: Http2Response, socket: Socket): void {
    const id = randomUUID()
    response.writeHead(431, ['X-Request-Id', id, 'Cache-Control', 'no-store'])
    response.end()
    const fault = 'the head is too large'
    this.#options.onProtocolError({ id, status: 431, fault, socket, bytes: 0 })
  }

  #report({ code, message }: NodeJS.ErrnoException, socket: Socket): void {
    if (code !== undefined && GONE.has(code)) return
    this.#options.onProtocolError({
      id: randomUUID(),
      status: 400,
      fault: `HTTP/2: ${message}`,
      socket,
      bytes: 0,
    })
  }
}

/** RFC 9113 section 6.5.2: names and values, and 32 for each field. */
function listSize(raw: readonly string[]): number {
  return raw.reduce((sum, text) => sum + text.length + 16, 0)
}

/** A socket as node keeps it. The handle is no public name: nothing is taken for granted of it. */
interface WithHandle {
  readonly _handle?: { readonly getpeername?: (out: object) => unknown } | null
}

/**
 * Whether the other end has reset the connection. While a write waits an HTTP/2 session does not read,
 * and node 24 loses the error that ends the write: the kernel alone still knows, and names no peer.
 */
function isReset(socket: Socket): boolean {
  const { _handle: handle } = socket as WithHandle
  const status = handle?.getpeername?.({})
  return typeof status === 'number' && status < 0
}
