import type { Server } from 'node:http'
import type { AddressInfo, Server as TcpServer } from 'node:net'

/** Resolves when the server takes connections. */
export function listen(server: TcpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** The same for a socket in the file system. */
export function listenAt(server: TcpServer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Ends the admin port at once: its calls are short. */
export function closeAdmin(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}

/** A configured public URL stands; the default one follows the port that was really taken. */
export function publicUrlOf(
  server: {
    readonly host: string
    readonly port: number
    readonly publicUrl: string
    readonly tls?: object | undefined
  },
  listener: TcpServer,
): string {
  return server.port === 0 && server.publicUrl.endsWith(':0')
    ? urlOf(server.host, listener, server.tls ? 'https' : 'http')
    : server.publicUrl
}

/** What a client on this machine calls. */
export function urlOf(
  host: string,
  server: TcpServer,
  protocol: 'http' | 'https' = 'http',
): string {
  const { port } = server.address() as AddressInfo
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `${protocol}://${name.includes(':') ? `[${name}]` : name}:${port}`
}
