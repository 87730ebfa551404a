import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A publisher of a list, with versions by ETag. Each test says what it answers. */
export class FeedServer {
  /** Served as it is at the moment of the request. */
  body: string | Buffer
  etag: string | undefined
  lastModified: string | undefined
  status = 200
  /** Where to instead; the target of a redirect. */
  location: string | undefined
  /** Never answers. */
  isSilent = false
  readonly requests: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = []
  /** Status of each answer. */
  readonly answered: number[] = []
  readonly #server: Server

  private constructor(body: string | Buffer) {
    this.body = body
    this.#server = createServer(({ url = '', headers }, response) => {
      this.requests.push({ url, headers })
      if (this.isSilent) return
      const isKnown =
        (this.etag !== undefined && headers['if-none-match'] === this.etag) ||
        (this.lastModified !== undefined && headers['if-modified-since'] === this.lastModified)
      const status = this.location !== undefined ? 302 : isKnown ? 304 : this.status
      this.answered.push(status)
      response.writeHead(status, {
        ...(this.location !== undefined && { location: this.location }),
        ...(this.etag !== undefined && { etag: this.etag }),
        ...(this.lastModified !== undefined && { 'last-modified': this.lastModified }),
      })
      response.end(status === 200 ? this.body : undefined)
    })
  }

  static async start(body: string | Buffer = ''): Promise<FeedServer> {
    const feed = new FeedServer(body)
    await new Promise<void>((resolve) => feed.#server.listen(0, '127.0.0.1', resolve))
    return feed
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/list`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
