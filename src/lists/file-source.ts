import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { messageOf } from '../base/failure.ts'
import { stampOf } from '../base/file-stamp.ts'
import type { ListReading, ListSource } from './list-source.ts'

/** A list in a file, read again when the file is another one, longer or younger. */
export class FileSource implements ListSource {
  readonly #file: string
  readonly #maxBytes: number
  #accepted: string | undefined

  constructor(file: string, maxBytes: number) {
    this.#file = file
    this.#maxBytes = maxBytes
  }

  async read(now: number): Promise<ListReading> {
    try {
      // to open a pipe would wait for somebody who writes
      await using handle = await open(this.#file, constants.O_RDONLY | constants.O_NONBLOCK)
      const stats = await handle.stat({ bigint: true })
      if (!stats.isFile()) return { outcome: 'failed', why: 'it is no regular file' }
      const stamp = stampOf(stats)
      if (stamp === this.#accepted) return { outcome: 'unchanged', at: now }
      if (stats.size > this.#maxBytes) {
        return { outcome: 'failed', why: `it has more than ${this.#maxBytes} bytes` }
      }
      const bytes = await handle.readFile()
      const accepted = async (): Promise<void> => {
        this.#accepted = stamp
      }
      return { outcome: 'read', content: { bytes, accepted } }
    } catch (error) {
      return { outcome: 'failed', why: `it cannot be read: ${messageOf(error)}` }
    }
  }

  /** The file itself is what outlives a process. */
  restore(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  close(): void {
    // a file holds nothing open
  }
}
