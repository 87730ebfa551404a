import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Bytes that pass at once, and with each drip. */
const EARLY = 64
const DRIP = 16
const DRIP_MS = 1000

/** One body that was sent, by the clock of `performance.now()`. */
export interface SentBody {
  readonly openedAt: number
  /** Infinity while it is open: it ended whole, or its connection is gone. */
  closedAt: number
}

interface Held {
  readonly response: ServerResponse
  readonly body: Buffer
  sent: number
}

/**
 * An HTTP origin with an object at every path. It sends a few bytes a second until the test lets the
 * bodies end, and writes down when each was open.
 */
export class SlowOrigin {
  readonly size: number
  readonly #server: Server
  readonly #bodies = new Map<string, SentBody[]>()
  readonly #held = new Set<Held>()
  readonly #drip: NodeJS.Timeout
  #isFast = false

  private constructor(size: number) {
    this.size = size
    this.#server = createServer((request, response) => {
      this.#serve(request.url ?? '', response)
    })
    this.#drip = setInterval(() => {
      for (const held of this.#held) write(held, DRIP)
    }, DRIP_MS)
  }

  static async start(size = 40_000): Promise<SlowOrigin> {
    const origin = new SlowOrigin(size)
    origin.#server.listen(0, '127.0.0.1')
    await once(origin.#server, 'listening')
    return origin
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  /** What the object at a path holds: no two are alike. */
  contentOf(path: string): Buffer {
    return Buffer.alloc(this.size, `${path}\n`)
  }

  /** All bodies of a path, the open ones too. */
  bodiesOf(path: string): readonly SentBody[] {
    return this.#bodies.get(path) ?? []
  }

  openOf(path: string): number {
    return this.bodiesOf(path).filter(({ closedAt }) => closedAt === Infinity).length
  }

  /** Bodies that are open now. */
  get open(): number {
    return this.#held.size
  }

  /** Paths that had more than `most` bodies open at any moment. */
  pathsOver(most: number): string[] {
    return [...this.#bodies].flatMap(([path, bodies]) =>
      bodies.some(({ openedAt }) => bodies.filter(covers(openedAt)).length > most) ? [path] : [],
    )
  }

  /** Lets all end that is open, and holds nothing from now on. */
  release(): void {
    this.#isFast = true
    for (const held of this.#held) write(held, this.size)
  }

  async stop(): Promise<void> {
    clearInterval(this.#drip)
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #serve(path: string, response: ServerResponse): void {
    const body = this.contentOf(path)
    const entry: SentBody = { openedAt: performance.now(), closedAt: Infinity }
    const held: Held = { response, body, sent: 0 }
    this.#bodies.set(path, [...this.bodiesOf(path), entry])
    this.#held.add(held)
    response.once('close', () => {
      entry.closedAt = performance.now()
      this.#held.delete(held)
    })
    response.writeHead(200, { 'content-length': body.length, etag: '"slow"' })
    write(held, this.#isFast ? this.size : EARLY)
  }
}

function write(held: Held, count: number): void {
  const { response, body, sent } = held
  held.sent = Math.min(sent + count, body.length)
  const piece = body.subarray(sent, held.sent)
  if (held.sent < body.length) response.write(piece)
  else response.end(piece)
}

function covers(moment: number): (body: SentBody) => boolean {
  return ({ openedAt, closedAt }) => openedAt <= moment && moment < closedAt
}
