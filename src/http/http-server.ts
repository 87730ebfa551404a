import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'
import type { NetworkSet } from '../base/network-set.ts'
import { parseAddress } from '../base/address.ts'
import { readProxyHeader } from '../request/proxy-protocol.ts'
import { setProxiedPeer } from './receive.ts'

/** A request head must be complete within this time (contract 9.4). */
const HEAD_TIMEOUT_MS = 10_000
/** A reader that takes nothing for this time is cut. */
const IDLE_TIMEOUT_MS = 60_000
/** Longer than common proxies keep idle connections, so that they close first. */
const KEEP_ALIVE_MS = 65_000
/** Requests of one connection that may wait behind the first. No known client sends that many ahead. */
const MAX_WAITING = 64
const MAX_HEAD_BYTES = 16 * 1024

export interface PublicServerOptions {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Reads a PROXY header from trusted peers before the first request. */
  readonly proxyProtocol: boolean
  readonly trustedProxies: () => NetworkSet
}

/** The listener of the public port, and how it ends. */
export interface PublicServer {
  readonly listener: TcpServer
  /** Requests in progress. */
  readonly active: number
  /** Stops accepting and waits until every answer has ended, at most `seconds`; then cuts the rest. */
  drain(seconds: number): Promise<void>
}

/**
 * node:http with what a gateway adds: requests of one connection are served one after the other, and
 * none is served behind an answer that closes it; protocol errors end in a bare 400.
 */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  let active = 0
  let draining = false
  const handle = inOrder((request, response) => {
    active++
    if (draining) response.shouldKeepAlive = false
    response.once('close', () => {
      active--
    })
    options.handle(request, response)
  })
  const server = createServer(
    {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: HEAD_TIMEOUT_MS,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: KEEP_ALIVE_MS,
      insecureHTTPParser: false,
      // a missing Host is answered like every other fault of the head
      requireHostHeader: false,
      noDelay: true,
    },
    handle,
  )
  server.timeout = IDLE_TIMEOUT_MS
  // an expectation other than 100-continue changes nothing for a request without body
  server.on('checkExpectation', handle)
  server.on('connect', (_request, socket) => {
    answerProtocolError(new Error('CONNECT is not spoken here'), socket)
  })
  server.on('clientError', answerProtocolError)
  const listener = options.proxyProtocol
    ? withProxyProtocol(server, options.trustedProxies)
    : server
  return {
    listener,
    get active() {
      return active
    },
    async drain(seconds) {
      draining = true
      const ended = new Promise<void>((resolve) => {
        listener.close(() => {
          resolve()
        })
      })
      server.closeIdleConnections()
      if (listener !== server) server.close()
      const sweep = setInterval(() => {
        server.closeIdleConnections()
      }, 250)
      const limit = setTimeout(() => {
        server.closeAllConnections()
      }, seconds * 1000)
      await ended
      clearInterval(sweep)
      clearTimeout(limit)
    },
  }
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

/**
 * node emits pipelined requests while an earlier answer still runs. Here each waits for the answer
 * before it, and is dropped when that one closed the connection.
 */
function inOrder(handle: Handle): Handle {
  const busy = new WeakMap<Socket, (() => void)[]>()
  const serve: Handle = (request, response) => {
    const { socket } = request
    const waiting = busy.get(socket)
    if (waiting) {
      if (waiting.length >= MAX_WAITING) socket.destroy()
      waiting.push(() => {
        serve(request, response)
      })
      return
    }
    const queue: (() => void)[] = []
    busy.set(socket, queue)
    response.once('close', () => {
      busy.delete(socket)
      const [next, ...rest] = queue
      if (!next || !response.shouldKeepAlive || socket.destroyed) return
      // node hands the socket to the next response after this event
      process.nextTick(() => {
        next()
        busy.get(socket)?.push(...rest)
      })
    })
    handle(request, response)
  }
  return serve
}

/** The parser refused the bytes; nobody knows where a next request would begin. */
function answerProtocolError(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  const code = Number.parseInt(status, 10)
  const id = randomUUID()
  const body = JSON.stringify({
    type: 'about:blank',
    title: status.slice(4),
    status: code,
    code: 'request_invalid',
    request_id: id,
  })
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\n` +
      `X-Request-Id: ${id}\r\n` +
      `Cache-Control: no-store\r\nConnection: close\r\nDate: ${new Date().toUTCString()}\r\n\r\n${body}`,
    () => {
      socket.destroy()
    },
  )
}

/** Takes the PROXY header off connections of trusted peers; others speak plain HTTP. */
function withProxyProtocol(server: Server, trusted: () => NetworkSet): TcpServer {
  const listener = createTcpServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const peer = parseAddress(socket.remoteAddress ?? '')
    if (!peer || !trusted().has(peer)) {
      server.emit('connection', socket)
      return
    }
    let seen = Buffer.alloc(0)
    const timer = setTimeout(() => socket.destroy(), HEAD_TIMEOUT_MS)
    const drop = (): void => {
      clearTimeout(timer)
      socket.destroy()
    }
    socket.on('error', drop)
    socket.on('readable', read)

    function read(): void {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      seen = Buffer.concat([seen, chunk])
      const header = readProxyHeader(seen)
      if (header.outcome === 'incomplete') return
      if (header.outcome === 'invalid') {
        drop()
        return
      }
      clearTimeout(timer)
      socket.off('readable', read)
      socket.off('error', drop)
      if (header.source) setProxiedPeer(socket, header.source)
      if (seen.length > header.length) socket.unshift(seen.subarray(header.length))
      server.emit('connection', socket)
    }
  })
  // node watches the timeouts of a server's connections from its 'listening' on
  listener.once('listening', () => server.emit('listening'))
  return listener
}
