import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { peerOf, setProxiedPeer } from './receive.ts'
import { setBelow } from './reset-connection.ts'

/** What a server proves itself with, as PEM: its certificate with the chain behind it, and its key. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
}

export interface SecureListenerOptions {
  readonly certificate: ServerCertificate
  readonly handshakeTimeoutMs: number
  readonly onHttp1: (socket: TLSSocket) => void
  readonly onHttp2: (socket: TLSSocket) => void
}

/** TLS in front of HTTP; the client chooses HTTP/2 or HTTP/1.1 by ALPN, and who says nothing speaks HTTP/1.1. */
export function createSecureListener(options: SecureListenerOptions): Server {
  const listener = createServer({
    ...contextOf(options.certificate),
    ALPNProtocols: ['h2', 'http/1.1', 'http/1.0'],
    handshakeTimeout: options.handshakeTimeoutMs,
    noDelay: true,
  })
  const handshakes = new Handshakes()
  listener.prependListener('connection', (socket: Socket) => {
    handshakes.begin(socket)
  })
  listener.on('secureConnection', (socket) => {
    handshakes.end(socket)
    if (socket.alpnProtocol === 'h2') options.onHttp2(socket)
    else options.onHttp1(socket)
  })
  return listener
}

/** Handshakes from now on use another certificate; connections that stand keep theirs. */
export function useCertificate(listener: Server, certificate: ServerCertificate): void {
  listener.setSecureContext(contextOf(certificate))
}

/** RFC 9325 section 3.1.1: nothing below TLS 1.2. */
function contextOf({ cert, key }: ServerCertificate) {
  return { cert, key, minVersion: 'TLSv1.2' } as const
}

/** Connections below TLS, to be found again from the sockets that TLS makes of them. */
class Handshakes {
  // node shows no way from a TLS socket to the one below; the four-tuple names both
  readonly #plain = new Map<string, Socket>()

  begin(socket: Socket): void {
    const name = tupleOf(socket)
    this.#plain.set(name, socket)
    socket.once('close', () => {
      if (this.#plain.get(name) === socket) this.#plain.delete(name)
    })
  }

  end(secure: TLSSocket): void {
    const name = tupleOf(secure)
    const plain = this.#plain.get(name)
    if (!plain) return
    this.#plain.delete(name)
    setBelow(secure, plain)
    // the one that a PROXY header named, if there was one
    const peer = peerOf(plain)
    if (peer) setProxiedPeer(secure, peer)
  }
}

function tupleOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
