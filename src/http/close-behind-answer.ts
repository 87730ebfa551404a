import type { Duplex } from 'node:stream'

/** How long a client may go on sending, or say nothing, after its last answer. */
const LINGER_MS = 5000

/**
 * Ends a connection behind its last answer (RFC 9112 section 9.6). The kernel resets a connection that is
 * closed while bytes of the client lie unread or arrive later, and with the reset the client loses what
 * it has not read yet. So they are read and dropped until the client ends its side, too.
 */
export function closeBehindAnswer(socket: Duplex): void {
  if (socket.destroyed || socket.writableEnded) return
  // nobody parses what comes now
  socket.removeAllListeners('data')
  socket.on('data', () => {})
  socket.resume()
  socket.end(() => {
    if (socket.destroyed) return
    const limit = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => {
      clearTimeout(limit)
    })
  })
}
