import { open } from 'node:fs/promises'
import { messageOf } from '../base/failure.ts'
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

  async read(): Promise<ListReading> {
    try {
      await using handle = await open(this.#file)
      const { ino, size, mtimeNs } = await handle.stat({ bigint: true })
      const stamp = `${ino} ${size} ${mtimeNs}`
      if (stamp === this.#accepted) return { outcome: 'unchanged' }
      if (size > this.#maxBytes) {
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
