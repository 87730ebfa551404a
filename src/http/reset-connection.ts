import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/** The TCP connection below each TLS connection of the public port. */
const below = new WeakMap<TLSSocket, Socket>()

export function setBelow(secure: TLSSocket, plain: Socket): void {
  below.set(secure, plain)
}

/**
 * Ends a connection so that nobody takes it for the end of a body: by a reset. A TLS socket that is
 * destroyed would still say close_notify. Streams of HTTP/2 have a reset of their own.
 */
export function resetConnection(socket: Duplex | null): void {
  const plain = socket instanceof TLSSocket ? below.get(socket) : socket
  if (plain instanceof Socket) plain.resetAndDestroy()
}
