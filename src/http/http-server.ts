import { createServer } from 'node:http'
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NetworkSet } from '../base/network-set.ts'
import { closeBehindAnswer } from './close-behind-answer.ts'
import { Http2Sessions } from './http2-sessions.ts'
import type { RequestMessage, ResponseMessage } from './message.ts'
import { PlainConnections } from './plain/plain-connections.ts'
import { withProxyProtocol } from './proxy-listener.ts'
import { type Handle, type ProtocolErrorListener, RequestOrder } from './request-order.ts'
import { createSecureListener, type ServerCertificate, useCertificate } from './secure-listener.ts'

/** A request head must be complete within this time. */
const HEAD_TIMEOUT_MS = 10_000
/** A reader that takes nothing for this time is cut. */
const IDLE_TIMEOUT_MS = 60_000
/** Longer than common proxies keep idle connections, so that they close first. */
const KEEP_ALIVE_MS = 65_000
const MAX_HEAD_BYTES = 16 * 1024

export interface PublicServerOptions {
  readonly handle: (request: RequestMessage, response: ResponseMessage) => void
  /** With it the port speaks TLS, and HTTP/2 beside HTTP/1.1. */
  readonly certificate: ServerCertificate | undefined
  /** Reads a PROXY header from trusted peers before the first request. */
  readonly proxyProtocol: boolean
  readonly trustedProxies: () => NetworkSet
  /** Hears of bytes that were no request, and of what answered them. */
  readonly onProtocolError: ProtocolErrorListener
}

/** The listener of the public port, and how it ends. */
export interface PublicServer {
  readonly listener: TcpServer
  /** Handshakes from now on use this one. Nothing to do for a port without TLS. */
  useCertificate(certificate: ServerCertificate): void
  /**
   * Stops accepting and waits until every answer has ended, at most `seconds`; then calls `onLimit` and
   * cuts what is left.
   */
  drain(seconds: number, onLimit: () => void): Promise<void>
}

/**
 * Plain requests are read here; all others are node:http's and node:http2's, with what a gateway adds:
 * requests of one connection are served one after the other, and none is served behind an answer that
 * closes it; that answer arrives whatever the client still sends; protocol errors end in a bare 400.
 */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  // a number, since the table of a Set of responses would keep them long after they are deleted
  const answers = { open: 0 }
  let draining = false
  const handle = (request: RequestMessage, response: ResponseMessage): void => {
    answers.open++
    response.once('close', () => {
      answers.open--
    })
    options.handle(request, response)
  }
  const order = new RequestOrder((request, response) => {
    if (draining) response.shouldKeepAlive = false
    handle(request, response)
  }, options.onProtocolError)
  const serve: Handle = (request, response) => {
    order.serve(request, response)
  }
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
    serve,
  )
  server.timeout = IDLE_TIMEOUT_MS
  // an expectation other than 100-continue changes nothing for a request without body
  server.on('checkExpectation', serve)
  server.on('connect', (_request, socket) => {
    order.refuse(new Error('CONNECT is not spoken here'), socket)
  })
  server.on('clientError', (error, socket) => {
    order.refuse(error, socket)
  })
  const readByNode = (socket: Socket): void => {
    // node calls it behind the last answer of a connection
    socket.destroySoon = () => {
      closeBehindAnswer(socket)
    }
    server.emit('connection', socket)
  }
  const plain = new PlainConnections({
    handle,
    handOver: readByNode,
    isDraining: () => draining,
    headMs: HEAD_TIMEOUT_MS,
    idleMs: IDLE_TIMEOUT_MS,
    keepAliveMs: KEEP_ALIVE_MS,
  })
  const { certificate, onProtocolError } = options
  const sessions = new Http2Sessions({
    handle,
    onProtocolError,
    maxHeadBytes: MAX_HEAD_BYTES,
    headTimeoutMs: HEAD_TIMEOUT_MS,
    keepAliveMs: KEEP_ALIVE_MS,
    idleMs: IDLE_TIMEOUT_MS,
  })
  const secure =
    certificate &&
    createSecureListener({
      certificate,
      handshakeTimeoutMs: HEAD_TIMEOUT_MS,
      onHttp1: readByNode,
      onHttp2: (socket) => {
        sessions.accept(socket)
      },
    })
  const inner =
    secure ??
    createTcpServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      plain.accept(socket)
    })
  // node watches the timeouts of a server's connections from its 'listening' on
  inner.once('listening', () => server.emit('listening'))
  const listener = options.proxyProtocol
    ? withProxyProtocol(inner, options.trustedProxies, HEAD_TIMEOUT_MS)
    : inner
  const early = secure || options.proxyProtocol ? watchConnections(listener) : undefined
  return {
    listener,
    useCertificate(next) {
      if (secure) useCertificate(secure, next)
    },
    async drain(seconds, onLimit) {
      draining = true
      const ended = new Promise<void>((resolve) => {
        listener.close(() => {
          resolve()
        })
      })
      const closeIdle = (): void => {
        server.closeIdleConnections()
        plain.closeIdle()
      }
      closeIdle()
      server.close()
      sessions.goAway()
      const sweep = setInterval(closeIdle, 250)
      const limit = setTimeout(() => {
        onLimit()
        server.closeAllConnections()
        plain.destroy()
        sessions.destroy()
        for (const socket of early ?? []) socket.destroy()
      }, seconds * 1000)
      await ended
      // a cut connection closes before its answer does, and the record is written then
      while (answers.open > 0) await nextTurn()
      clearInterval(sweep)
      clearTimeout(limit)
    },
  }
}

/** The connections of a listener in front of HTTP: some wait for a PROXY header or a handshake. */
function watchConnections(listener: TcpServer): ReadonlySet<Socket> {
  const open = new Set<Socket>()
  listener.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  return open
}
