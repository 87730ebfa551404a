import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A request as the gateway reads it, of HTTP/1.1 or of HTTP/2. */
export interface RequestMessage {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** `1.0`, `1.1`, or `2` of a stream, which no request line of HTTP/1.1 can claim (it says `2.0`). */
  readonly httpVersion: string
  /** Names and values in turn, as they came; never a pseudo-header field. */
  readonly rawHeaders: readonly string[]
  /** Every byte of it is here. */
  readonly complete: boolean
  readonly socket: Socket
  [Symbol.asyncIterator](): AsyncIterator<Buffer>
}

/** What can be told to watch for idleness, and says when it was idle. */
export interface WatchedStream {
  readonly writableLength: number
  readonly timeout?: number | undefined
  setTimeout(milliseconds: number): unknown
}

/** An answer as the gateway writes it; `ServerResponse` is one. */
export interface ResponseMessage {
  readonly statusCode: number
  readonly headersSent: boolean
  readonly closed: boolean
  readonly destroyed: boolean
  readonly writableEnded: boolean
  /** All of it was handed to the kernel. */
  readonly writableFinished: boolean
  /** What takes the bytes of a counted body once the head is out: the connection, or the stream of HTTP/2. */
  readonly socket: Duplex | null
  writeHead(status: number, headers: string[]): unknown
  flushHeaders(): void
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean
  end(body?: string | Uint8Array, encoding?: BufferEncoding): unknown
  /** Cuts the answer short, so that the client notices. */
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
  on(event: 'timeout', listener: (stream: WatchedStream) => void): unknown
}
