import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http'

/** Where a gateway listens. */
export interface Target {
  readonly host: string
  readonly port: number
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
  { host, port }: Target,
  target: string,
  { method = 'GET', headers = {}, localAddress, patienceMs = 15_000 }: SendOptions = {},
): Promise<OpenDownload> {
  const sent = request({
    host,
    port,
    path: target,
    method,
    headers,
    agent: false,
    ...(localAddress !== undefined && { localAddress }),
  })
  sent.setTimeout(patienceMs, () =>
    sent.destroy(new Error(`the gateway was silent for ${patienceMs} ms`)),
  )
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve)
    sent.once('error', reject)
    sent.end()
  })
  return new OpenDownload(sent, response)
}

/** A client in the middle of an answer. */
export class OpenDownload {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly #request: ClientRequest
  readonly #response: IncomingMessage
  readonly #chunks: Buffer[] = []
  #length = 0

  constructor(sent: ClientRequest, response: IncomingMessage) {
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    this.#request = sent
    this.#response = response
    // a cut shows in `isComplete`
    sent.on('error', () => {})
    response.on('error', () => {})
  }

  /** Reads on until `count` bytes are there in all; rejects when the answer ends before. */
  async read(count: number): Promise<void> {
    while (this.#length < count) {
      const chunk = this.#response.read() as Buffer | null
      if (chunk) {
        this.#chunks.push(chunk)
        this.#length += chunk.length
      } else if (this.#response.readableEnded || this.#response.destroyed) {
        throw new Error(`the answer ended after ${this.#length} bytes, ${count} expected`)
      } else await readableOrOver(this.#response)
    }
  }

  get received(): number {
    return this.#length
  }

  /** Reads to the end, or to the cut. */
  async rest(): Promise<Reply> {
    const response = this.#response
    const take = (chunk: Buffer): void => {
      this.#chunks.push(chunk)
      this.#length += chunk.length
    }
    if (!response.readableEnded && !response.destroyed) {
      await new Promise<void>((resolve) => {
        response.once('close', resolve)
        response.on('data', take)
      })
    }
    return {
      status: this.status,
      headers: this.headers,
      body: Buffer.concat(this.#chunks),
      isComplete: response.complete,
    }
  }

  /** The client goes away: a reset, as of a killed process, or an orderly end of its connection. */
  kill(how: 'reset' | 'close' = 'reset'): void {
    const { socket } = this.#request
    if (how === 'reset') socket?.resetAndDestroy()
    else this.#request.destroy()
  }
}

function readableOrOver(response: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of ['readable', 'end', 'close']) response.off(event, settle)
      resolve()
    }
    for (const event of ['readable', 'end', 'close']) response.once(event, settle)
  })
}
