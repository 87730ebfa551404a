import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { TRANSPORT } from './transport.ts'

/** Sends bytes as they are and returns everything that comes back until the peer closes. */
export function rawExchange(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
  { host = '127.0.0.1', localAddress }: { host?: string; localAddress?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const place = { port, host, ...(localAddress && { localAddress }) }
    const isPlain = TRANSPORT === 'plain'
    const socket: Socket = isPlain ? connect(place) : connectTls(place)
    socket.once(isPlain ? 'connect' : 'secureConnect', () => {
      for (const part of Array.isArray(bytes) ? bytes : [bytes]) socket.write(part as string)
    })
    socket.setTimeout(15_000, () => socket.destroy(new Error('no answer in 15 s')))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') resolve(Buffer.concat(chunks).toString('latin1'))
      else reject(error)
    })
    socket.on('close', () => {
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
  })
}
