import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** Answers one request: gets its head as text, and the connection. */
export type RawAnswer = (head: string, socket: Socket, nth: number) => void

/** A TCP server on a free loopback port that splits its input into request heads and writes raw bytes. */
export class RawServer {
  /** All request heads, in order. */
  readonly heads: string[] = []
  connections = 0
  readonly sockets = new Set<Socket>()
  answer: RawAnswer
  readonly #server: Server

  private constructor(answer: RawAnswer) {
    this.answer = answer
    this.#server = createServer((socket) => {
      this.#serve(socket)
    })
  }

  static async start(answer: RawAnswer): Promise<RawServer> {
    const server = new RawServer(answer)
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`
  }

  /** Settles when no connection is open. */
  async quiet(): Promise<void> {
    while (this.sockets.size > 0) {
      const [socket] = this.sockets
      if (socket) await once(socket, 'close')
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket): void {
    this.connections++
    this.sockets.add(socket)
    let text = ''
    socket.on('close', () => this.sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end + 4)
        text = text.slice(end + 4)
        this.heads.push(head)
        this.answer(head, socket, this.heads.length)
      }
    })
  }
}
