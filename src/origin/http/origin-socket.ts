import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where connections of one pool lead. */
export interface Endpoint {
  readonly isSecure: boolean
  /** Name or address without brackets. */
  readonly host: string
  /** Where the host was found by an earlier look-up; otherwise it is looked up on connecting. */
  readonly address?: string | undefined
  readonly port: number
  /** Trust anchors in place of the well-known ones. */
  readonly ca: string | Buffer | undefined
  /** Judges the address that was reached, before anything is sent to it. */
  readonly mayUse: ((remoteAddress: string) => boolean) | undefined
}

/** What a socket tells its connection. */
export interface SocketReader {
  /** Where the next read of a TCP socket goes. */
  nextBuffer(): Buffer
  onConnect(): void
  /** `length` bytes were read into the buffer. False stops reading until the socket is resumed. */
  onBytes(buffer: Buffer, length: number): boolean
  /** The origin sends no more. */
  onEnd(): void
  onGone(error: Error | undefined): void
}

/** A TCP socket that reads into the buffers of its reader, without a stream in between. */
export function openTcp({ host, address = host, port }: Endpoint, reader: SocketReader): Socket {
  const onread = {
    buffer: () => reader.nextBuffer(),
    // net passes the very buffer that it was given
    callback: (length: number, buffer: Uint8Array) => reader.onBytes(buffer as Buffer, length),
  }
  const socket = connectTcp({ host: address, port, onread, noDelay: true })
  socket.once('connect', () => {
    reader.onConnect()
  })
  return listen(socket, reader)
}

/**
 * A TLS socket whose bytes come as stream chunks of their own: with `onread`, a TLS socket goes on
 * filling the one buffer with what it has decrypted already, although its reading was stopped.
 */
export function openTls(
  { host, address = host, port, ca }: Endpoint,
  reader: SocketReader,
): Socket {
  const socket = connectTls({
    host: address,
    port,
    ALPNProtocols: ['http/1.1'],
    ...(ca === undefined ? {} : { ca }),
    ...(isIP(host) ? {} : { servername: host }),
  })
  socket.setNoDelay(true)
  socket.once('secureConnect', () => {
    reader.onConnect()
  })
  socket.on('data', (chunk: Buffer) => {
    if (!reader.onBytes(chunk, chunk.length)) socket.pause()
  })
  return listen(socket, reader)
}

function listen<S extends Socket>(socket: S, reader: SocketReader): S {
  socket.on('error', (error) => {
    reader.onGone(error)
  })
  socket.on('end', () => {
    reader.onEnd()
  })
  socket.on('close', () => {
    reader.onGone(undefined)
  })
  return socket
}
