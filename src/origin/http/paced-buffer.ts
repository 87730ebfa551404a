import { readBuffers, ReadPace, SMALLEST_READ } from '../read-buffers.ts'

/** The memory that a socket is read into: of a size that follows how fast its bytes are taken. */
export class PacedBuffer {
  readonly #pace = new ReadPace()
  /** Undefined when it was given back, or left to whoever uses it. */
  #buffer: Buffer | undefined = readBuffers.take(SMALLEST_READ)

  /** Where the next read goes. */
  get next(): Buffer {
    return this.#buffer as Buffer
  }

  /** What was read was taken, and nothing of it is in use. */
  passed(length: number): void {
    const buffer = this.#buffer
    if (!buffer) return
    this.#pace.passed(length, length === buffer.length)
    if (buffer.length === this.#pace.size) return
    readBuffers.give(buffer)
    this.#buffer = readBuffers.take(this.#pace.size)
  }

  refused(): void {
    this.#pace.refused()
  }

  /** What was refused was taken later. */
  resumed(length: number): void {
    this.#pace.resumed(length, length === this.#buffer?.length)
  }

  /** Begins at the pace of a slow reader again. */
  reset(): void {
    this.#pace.reset()
  }

  /** Takes other memory for the next read; returns what is in use. */
  replace(): Buffer | undefined {
    const buffer = this.#buffer
    this.#buffer = readBuffers.take(SMALLEST_READ)
    return buffer
  }

  /** Leaves the memory to whoever may still read it. */
  forget(): void {
    if (this.#buffer) readBuffers.forget(this.#buffer)
    this.#buffer = undefined
  }

  give(): void {
    if (this.#buffer) readBuffers.give(this.#buffer)
    this.#buffer = undefined
  }
}
