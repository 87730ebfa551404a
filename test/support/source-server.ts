import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What a source serves at one path. */
export interface SourceFile {
  readonly content: Buffer
  readonly etag?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Answers every request with the whole. */
  readonly ignoresRange?: boolean
  /** Answers with the rest, whatever version was asked for. */
  readonly ignoresIfRange?: boolean
  /** Sends so many bytes at once, and waits a little after each piece. */
  readonly pieceBytes?: number
}

/** What a source was asked. */
export interface SourceRequest {
  readonly url: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
}

export type SourceAnswer = (request: IncomingMessage, response: ServerResponse) => void

/** What a source answers for a path without a file. */
export const noSuchFile: SourceAnswer = (_, response) => {
  response.writeHead(404).end('no such file')
}

/** A web server on a free loopback port that files are fetched from: it knows Range and If-Range. */
export class SourceServer {
  readonly requests: SourceRequest[] = []
  connections = 0
  /** Body bytes that were written. */
  bytes = 0
  readonly files = new Map<string, SourceFile>()
  /** Answers what is no file; 404 unless a test replaces it. */
  answer: SourceAnswer = noSuchFile
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const { range } = request.headers
      this.requests.push({ url: request.url ?? '', range, ifRange: ifRangeOf(request) })
      const file = this.files.get(request.url ?? '')
      if (file) void this.#send(request, response, file)
      else this.answer(request, response)
    })
    this.#server.on('connection', () => this.connections++)
  }

  static async start(host = '127.0.0.1'): Promise<SourceServer> {
    const server = new SourceServer()
    server.#server.listen(0, host)
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** `host:port`, as allowed hosts are written. */
  get host(): string {
    return `127.0.0.1:${this.port}`
  }

  url(path: string): string {
    return `http://${this.host}${path}`
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    { content, etag, pieceBytes = content.length, ...file }: SourceFile,
  ): Promise<void> {
    const first = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const ifRange = ifRangeOf(request)
    const isSame = ifRange === undefined || ifRange === etag || file.ignoresIfRange
    const isRest = first > 0 && isSame && !file.ignoresRange
    const body = isRest ? content.subarray(first) : content
    response.writeHead(isRest ? 206 : 200, {
      'content-length': body.length,
      ...(etag !== undefined && { etag }),
      ...(isRest && {
        'content-range': `bytes ${first}-${content.length - 1}/${content.length}`,
      }),
      ...file.headers,
    })
    for (let at = 0; at < body.length && !response.destroyed; at += pieceBytes) {
      const piece = body.subarray(at, at + pieceBytes)
      response.write(piece)
      this.bytes += piece.length
      if (pieceBytes < content.length) await delay(10)
    }
    response.end()
  }
}

function ifRangeOf({ headers }: IncomingMessage): string | undefined {
  return headers['if-range'] as string | undefined
}
