import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import type { Readable } from 'node:stream'
import { http1Answer } from './http1-answer.ts'
import { askByHttp2, askOverTls } from './secure-client.ts'
import { TRANSPORT } from './transport.ts'

/** Where a gateway listens. */
export interface Target {
  readonly host: string
  readonly port: number
  /** Begins with `https:` where the port speaks TLS. */
  readonly url?: string
}

/** A request as it goes out. */
export interface Asked {
  readonly host: string
  readonly port: number
  readonly target: string
  readonly method: string
  readonly headers: OutgoingHttpHeaders
  readonly localAddress: string | undefined
  readonly patienceMs: number
}

/** The head of an answer, and what is to come of it. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
  /** Once the body is over: whether that was its end. */
  isComplete(): boolean
  kill(how: 'reset' | 'close'): void
}

export interface SendOptions {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  /** The loopback address that the gateway shall see. */
  readonly localAddress?: string
  /** How long the gateway may be silent; 15 s if not said. */
  readonly patienceMs?: number
}

/** An answer, to its end or to its cut. */
export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The body came to the end that its framing announced. */
  readonly isComplete: boolean
}

/** Sends one request on a connection of its own and reads the whole answer. */
export async function send(gateway: Target, target: string, options?: SendOptions): Promise<Reply> {
  return (await openDownload(gateway, target, options)).rest()
}

/** Sends one request and stops at the head of the answer: nothing is read until the test asks. */
export async function openDownload(
  { host, port, url }: Target,
  target: string,
  { method = 'GET', headers = {}, localAddress, patienceMs = 15_000 }: SendOptions = {},
): Promise<OpenDownload> {
  const asked = { host, port, target, method, headers, localAddress, patienceMs }
  const isSecure = url?.startsWith('https:') ?? false
  const ask = !isSecure ? askPlainly : TRANSPORT === 'h2' ? askByHttp2 : askOverTls
  return new OpenDownload(await ask(asked))
}

function askPlainly(asked: Asked): Promise<Answer> {
  const { host, port, target, method, headers, localAddress } = asked
  const sent = request({
    host,
    port,
    path: target,
    method,
    headers,
    agent: false,
    ...(localAddress !== undefined && { localAddress }),
  })
  return http1Answer(sent, asked, () => sent.socket?.resetAndDestroy())
}

/** A client in the middle of an answer. */
export class OpenDownload {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly #answer: Answer
  readonly #chunks: Buffer[] = []
  #length = 0

  constructor(answer: Answer) {
    this.status = answer.status
    this.headers = answer.headers
    this.#answer = answer
    answer.body.on('error', () => {})
  }

  /** Reads on until `count` bytes are there in all; rejects when the answer ends before. */
  async read(count: number): Promise<void> {
    while (this.#length < count) {
      const chunk = this.#answer.body.read() as Buffer | null
      if (chunk) {
        this.#chunks.push(chunk)
        this.#length += chunk.length
      } else if (this.#answer.body.readableEnded || this.#answer.body.destroyed) {
        throw new Error(`the answer ended after ${this.#length} bytes, ${count} expected`)
      } else await readableOrOver(this.#answer.body)
    }
  }

  get received(): number {
    return this.#length
  }

  /** Reads to the end, or to the cut. */
  async rest(): Promise<Reply> {
    const { body } = this.#answer
    const take = (chunk: Buffer): void => {
      this.#chunks.push(chunk)
      this.#length += chunk.length
    }
    if (!body.readableEnded && !body.destroyed) {
      await new Promise<void>((resolve) => {
        body.once('close', resolve)
        body.on('data', take)
      })
    }
    return {
      status: this.status,
      headers: this.headers,
      body: Buffer.concat(this.#chunks),
      isComplete: this.#answer.isComplete(),
    }
  }

  /** The client goes away: a reset, as of a killed process, or an orderly end of its connection. */
  kill(how: 'reset' | 'close' = 'reset'): void {
    this.#answer.kill(how)
  }
}

function readableOrOver(response: Readable): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of ['readable', 'end', 'close']) response.off(event, settle)
      resolve()
    }
    for (const event of ['readable', 'end', 'close']) response.once(event, settle)
  })
}
