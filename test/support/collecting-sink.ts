import type { ByteSink } from '../../src/base/byte-sink.ts'
import type { GatewayError } from '../../src/base/failure.ts'
import type { OpenObject } from '../../src/origin/origin.ts'

/** Keeps a copy of what it is given. Refuses each chunk while `isRefusing`; the test resumes. */
export class CollectingSink implements ByteSink {
  isRefusing = false
  writes = 0
  length = 0
  /** Called in each write, before it returns. */
  onWrite: (() => void) | undefined
  /** Settles with the first of: end, fail. */
  readonly done: Promise<GatewayError | undefined>
  isDone = false
  /** The chunk that was refused, as it is now. */
  held: Uint8Array | undefined
  readonly #chunks: Buffer[] = []
  #settle!: (error: GatewayError | undefined) => void
  #firstWrite: (() => void) | undefined

  constructor() {
    this.done = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Settles when a chunk was given. */
  written(): Promise<void> {
    if (this.writes > 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#firstWrite = resolve
    })
  }

  write(chunk: Uint8Array): boolean {
    if (this.isDone) throw new Error('write after the end')
    this.writes++
    this.length += chunk.length
    this.#chunks.push(Buffer.from(chunk))
    this.held = this.isRefusing ? chunk : undefined
    this.onWrite?.()
    this.#firstWrite?.()
    return !this.isRefusing
  }

  end(): void {
    this.#over(undefined)
  }

  fail(error: GatewayError): void {
    this.#over(error)
  }

  #over(error: GatewayError | undefined): void {
    if (this.isDone) throw new Error('ended twice')
    this.isDone = true
    this.#settle(error)
  }
}

/** Reads a stretch of an object to its end. Rejects with the failure of the transfer. */
export async function readAll(object: OpenObject, start: number, end: number): Promise<Buffer> {
  const sink = new CollectingSink()
  object.send(start, end, sink)
  const error = await sink.done
  if (error) throw error
  return sink.bytes
}
