import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Server as TcpServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NetworkSet } from '../base/network-set.ts'
import { withProxyProtocol } from './proxy-listener.ts'
import { type Handle, type ProtocolErrorListener, RequestOrder } from './request-order.ts'

/** A request head must be complete within this time. */
const HEAD_TIMEOUT_MS = 10_000
/** A reader that takes nothing for this time is cut. */
const IDLE_TIMEOUT_MS = 60_000
/** Longer than common proxies keep idle connections, so that they close first. */
const KEEP_ALIVE_MS = 65_000
const MAX_HEAD_BYTES = 16 * 1024

export interface PublicServerOptions {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Reads a PROXY header from trusted peers before the first request. */
  readonly proxyProtocol: boolean
  readonly trustedProxies: () => NetworkSet
  /** Hears of bytes that were no request, and of what answered them. */
  readonly onProtocolError: ProtocolErrorListener
}

/** The listener of the public port, and how it ends. */
export interface PublicServer {
  readonly listener: TcpServer
  /**
   * Stops accepting and waits until every answer has ended, at most `seconds`; then calls `onLimit` and
   * cuts what is left.
   */
  drain(seconds: number, onLimit: () => void): Promise<void>
}

/**
 * node:http with what a gateway adds: requests of one connection are served one after the other, and
 * none is served behind an answer that closes it; protocol errors end in a bare 400.
 */
export function createPublicServer(options: PublicServerOptions): PublicServer {
  // a number, since the table of a Set of responses would keep them long after they are deleted
  const answers = { open: 0 }
  let draining = false
  const order = new RequestOrder((request, response) => {
    answers.open++
    if (draining) response.shouldKeepAlive = false
    response.once('close', () => {
      answers.open--
    })
    options.handle(request, response)
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
  const listener = options.proxyProtocol
    ? withProxyProtocol(server, options.trustedProxies, HEAD_TIMEOUT_MS)
    : server
  return {
    listener,
    async drain(seconds, onLimit) {
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
        onLimit()
        server.closeAllConnections()
      }, seconds * 1000)
      await ended
      // a cut connection closes before its answer does, and the record is written then
      while (answers.open > 0) await nextTurn()
      clearInterval(sweep)
      clearTimeout(limit)
    },
  }
}
