import type { Socket } from 'node:net'
import { RawServer } from './raw-server.ts'

interface Waiting {
  readonly socket: Socket
  readonly rest: Buffer
}

/**
 * An HTTP origin that sends the head and the first `early` bytes of an object and then holds the rest
 * until the test lets it go: a download is open for exactly as long as the test wants.
 */
export class GatedOrigin {
  readonly body: Buffer
  /** Bytes that pass without the gate. */
  early: number
  isOpen = false
  readonly server: RawServer
  #waiting: Waiting[] = []

  private constructor(server: RawServer, body: Buffer, early: number) {
    this.server = server
    this.body = body
    this.early = early
    server.answer = (head, socket) => {
      this.#serve(head, socket)
    }
  }

  static async start(body: Buffer, early = 10): Promise<GatedOrigin> {
    return new GatedOrigin(await RawServer.start(() => {}), body, early)
  }

  get url(): string {
    return this.server.url
  }

  /** Answers that are held and whose connection still stands. */
  get held(): number {
    return this.#waiting.filter(({ socket }) => !socket.destroyed).length
  }

  /** Lets everything go that waits, and holds nothing from now on. */
  open(): void {
    this.isOpen = true
    for (const { socket, rest } of this.#waiting) socket.write(rest)
    this.#waiting = []
  }

  /** Holds what comes from now on. */
  shut(): void {
    this.isOpen = false
  }

  /** Cuts every held answer in the middle. */
  reset(): void {
    for (const { socket } of this.#waiting) socket.resetAndDestroy()
    this.#waiting = []
  }

  async stop(): Promise<void> {
    await this.server.stop()
  }

  #serve(head: string, socket: Socket): void {
    if (head.includes('/missing')) {
      socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const size = this.body.length
    const range = /\r\nrange: bytes=(\d+)-(\d*)\r\n/i.exec(head)
    const first = Number(range?.[1] ?? 0)
    const last = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1
    const body = this.body.subarray(first, last + 1)
    // Nagle's algorithm would hold the body back
    socket.setNoDelay(true)
    socket.write(
      `HTTP/1.1 ${range ? '206 Partial Content' : '200 OK'}\r\n` +
        `Content-Length: ${body.length}\r\nETag: "gated"\r\n` +
        (range ? `Content-Range: bytes ${first}-${last}/${size}\r\n` : '') +
        'Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n\r\n',
    )
    if (head.startsWith('HEAD ')) return
    if (this.isOpen) {
      socket.write(body)
      return
    }
    socket.write(body.subarray(0, this.early))
    this.#waiting.push({ socket, rest: body.subarray(this.early) })
  }
}
