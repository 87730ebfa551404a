import { createServer, type Server } from 'node:net'
import { parseAddress } from '../base/address.ts'
import type { NetworkSet } from '../base/network-set.ts'
import { readProxyHeader } from '../request/proxy-protocol.ts'
import { setProxiedPeer } from './receive.ts'

/** Takes the PROXY header off connections of trusted peers; others speak what the server does. */
export function withProxyProtocol(
  server: Server,
  trusted: () => NetworkSet,
  timeoutMs: number,
): Server {
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const peer = parseAddress(socket.remoteAddress ?? '')
    if (!peer || !trusted().has(peer)) {
      server.emit('connection', socket)
      return
    }
    let seen = Buffer.alloc(0)
    const timer = setTimeout(() => socket.destroy(), timeoutMs)
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
