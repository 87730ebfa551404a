import type { FileHandle } from 'node:fs/promises'
import type { ByteSink, Transfer } from '../base/byte-sink.ts'
import { GatewayError } from '../base/failure.ts'
import { unwritable } from '../origin/file-errors.ts'
import type { SizedBody } from '../origin/http-origin.ts'
import { TaskError } from './task.ts'

export interface BodyWriting {
  readonly body: SizedBody
  /** Open for writing. The body's first byte goes where it is in the whole. */
  readonly file: FileHandle
  /** Bytes that the whole may have. */
  readonly maxBytes: number
  /** Hears of bytes of the whole that are in the file. */
  readonly onBytes: (count: number) => void
  readonly signal: AbortSignal
}

/** Writes a body into a file, and returns where it ended. The file is not touched after it settles. */
export async function writeBody(writing: BodyWriting): Promise<number> {
  const { body, signal } = writing
  const sink = new FileSink(writing)
  const onAbort = (): void => {
    sink.fail(new GatewayError('ERR_CLIENT_ABORTED', 'the fetch was given up'))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    else sink.transfer = body.response.send(0, body.end - body.first, sink)
    return await sink.done
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Holds each chunk until it is written: the connection stands still meanwhile. */
class FileSink implements ByteSink {
  transfer: Transfer | undefined
  readonly done: Promise<number>
  readonly #resolve: (end: number) => void
  readonly #reject: (error: unknown) => void
  readonly #writing: BodyWriting
  #position: number
  #isWriting = false
  #failure: unknown

  constructor(writing: BodyWriting) {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    this.done = promise
    this.#resolve = resolve
    this.#reject = reject
    this.#writing = writing
    this.#position = writing.body.first
  }

  write(chunk: Uint8Array): boolean {
    void this.#store(chunk)
    return false
  }

  end(): void {
    this.#resolve(this.#position)
  }

  fail(error: unknown): void {
    this.#failure ??= error
    this.transfer?.abort()
    if (!this.#isWriting) this.#reject(this.#failure)
  }

  async #store(chunk: Uint8Array): Promise<void> {
    const { file, maxBytes, onBytes } = this.#writing
    this.#isWriting = true
    try {
      if (this.#position + chunk.length > maxBytes) throw tooLarge(maxBytes)
      await writeWhole(file, chunk, this.#position)
      this.#position += chunk.length
      onBytes(this.#position)
    } catch (error) {
      this.#failure ??= error
    }
    this.#isWriting = false
    if (this.#failure === undefined) this.transfer?.resume()
    else this.fail(this.#failure)
  }
}

async function writeWhole(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  try {
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await file.write(chunk, at, chunk.length - at, position + at)
      at += bytesWritten
    }
  } catch (error) {
    throw unwritable(error as NodeJS.ErrnoException)
  }
}

/** The failure of a source that has more bytes than are fetched. */
export function tooLarge(maxBytes: number): TaskError {
  return new TaskError(`The file has more than the ${maxBytes} bytes that are fetched at most`)
}
