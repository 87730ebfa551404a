import { read } from 'node:fs'
import type { ByteSink, LentSource, Transfer } from '../base/byte-sink.ts'
import { GatewayError } from '../base/failure.ts'
import { readBuffers, ReadPace, SMALLEST_READ } from './read-buffers.ts'

/** The file descriptor as a transfer sees it: kept open for as long as a read runs. */
export interface OpenFile {
  readonly fd: number
  onReadStart(): void
  onReadEnd(): void
}

/**
 * Copies a stretch of a file into a sink. Small reads go one by one, so that a slow reader holds one
 * small buffer; larger ones read the next piece while the sink writes the last.
 */
export class FileTransfer implements Transfer {
  readonly #file: OpenFile
  readonly #sink: ByteSink
  readonly #pace = new ReadPace()
  readonly #end: number
  /** Where the next read begins. */
  #position: number
  /** Bytes that the read in flight was asked for. */
  #asked = 0
  #reading: Buffer | undefined
  #filled: Buffer | undefined
  #filledLength = 0
  /** The sink has refused this one and still reads it. */
  #held: Buffer | undefined
  #heldLength = 0
  #isOver = false

  constructor(file: OpenFile, start: number, end: number, sink: ByteSink) {
    this.#file = file
    this.#position = start
    this.#end = end
    this.#sink = sink
    // the caller must hold the transfer before the sink is called
    queueMicrotask(() => {
      this.#proceed()
    })
  }

  resume(): void {
    const buffer = this.#held
    if (!buffer) return
    this.#held = undefined
    this.#pace.resumed(this.#heldLength, this.#heldLength === buffer.length)
    readBuffers.give(buffer)
    this.#proceed()
  }

  abort(): void {
    if (this.#isOver) return
    this.#stop()
  }

  lend(): LentSource | undefined {
    const buffer = this.#held
    if (!buffer || this.#reading || this.#filled || this.#isOver) return undefined
    this.#held = undefined
    readBuffers.give(buffer)
    return {
      fd: this.#file.fd,
      isSocket: false,
      offset: this.#position,
      length: this.#end - this.#position,
      giveBack: (bytes) => {
        this.#position += bytes
        this.#proceed()
      },
    }
  }

  #proceed(): void {
    if (this.#isOver) return
    if (this.#filled && !this.#held) this.#pass(this.#filled)
    if (this.#isOver) return
    if (this.#mayRead()) this.#read()
    else if (this.#position >= this.#end && !this.#reading && !this.#filled && !this.#held) {
      this.#stop()
      this.#sink.end()
    }
  }

  #mayRead(): boolean {
    if (this.#reading || this.#filled || this.#position >= this.#end) return false
    return !this.#held || this.#held.length > SMALLEST_READ
  }

  #read(): void {
    const buffer = readBuffers.take(this.#pace.size)
    this.#reading = buffer
    this.#asked = Math.min(buffer.length, this.#end - this.#position)
    this.#file.onReadStart()
    read(this.#file.fd, buffer, 0, this.#asked, this.#position, this.#onRead)
  }

  readonly #onRead = (error: Error | null, length: number): void => {
    const buffer = this.#reading
    this.#reading = undefined
    this.#file.onReadEnd()
    if (!buffer) return
    if (this.#isOver) {
      readBuffers.give(buffer)
      return
    }
    if (error || length === 0) {
      readBuffers.give(buffer)
      this.#stop()
      const what = error ? 'the file cannot be read' : 'the file is shorter than it was'
      this.#sink.fail(
        new GatewayError('ERR_ORIGIN_READ', what, error ? { cause: error } : undefined),
      )
      return
    }
    this.#position += length
    this.#filled = buffer
    this.#filledLength = length
    this.#proceed()
  }

  #pass(buffer: Buffer): void {
    const length = this.#filledLength
    this.#filled = undefined
    // disk and socket work at the same time
    if (buffer.length > SMALLEST_READ && this.#mayRead()) this.#read()
    this.#held = buffer
    this.#heldLength = length
    const isTaken = this.#sink.write(length === buffer.length ? buffer : buffer.subarray(0, length))
    if (this.#isOver) return
    if (!isTaken) {
      this.#pace.refused()
      return
    }
    this.#held = undefined
    this.#pace.passed(length, length === buffer.length)
    readBuffers.give(buffer)
  }

  /** Ends the transfer; a read in flight gives its buffer back when it returns. */
  #stop(): void {
    this.#isOver = true
    // a socket may still read what was written to it
    if (this.#held) readBuffers.forget(this.#held)
    if (this.#filled) readBuffers.give(this.#filled)
    this.#held = undefined
    this.#filled = undefined
  }
}
