import type { AccessRecord } from './access-record.ts'

const PAGE_BYTES = 256 * 1024
const LF = 10

/** Lines of JSON, one after the other. */
interface Page {
  readonly bytes: Buffer
  length: number
  count: number
}

/**
 * The last records, for the admin API: as text in memory of its own, since ten thousand objects that live
 * for a while cost the garbage collector as much as the requests themselves.
 */
export class RecentRecords {
  readonly #capacity: number
  /** Oldest first; the last one is being filled. */
  readonly #pages: Page[] = []
  #count = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Takes the line of a record, without its end. */
  write(line: string): void {
    const page = this.#pageFor(line.length * 3 + 1)
    page.length += page.bytes.write(line, page.length)
    page.bytes[page.length++] = LF
    page.count++
    this.#count++
  }

  /** Newest first. */
  *newestFirst(): Generator<AccessRecord> {
    let left = this.#capacity
    for (const { bytes, length } of this.#pages.toReversed()) {
      const lines = bytes.toString('utf8', 0, length).split('\n')
      for (let i = lines.length - 2; i >= 0 && left > 0; i--, left--) {
        yield JSON.parse(lines[i] as string) as AccessRecord
      }
    }
  }

  /** The page that has room for as many bytes. Pages whose lines are all too old are given up. */
  #pageFor(bytes: number): Page {
    const last = this.#pages.at(-1)
    if (last && last.length + bytes <= last.bytes.length) return last
    let oldest = this.#pages[0]
    let reusable: Buffer | undefined
    while (oldest && this.#count - oldest.count >= this.#capacity) {
      this.#count -= oldest.count
      reusable = oldest.bytes
      this.#pages.shift()
      oldest = this.#pages[0]
    }
    const page = {
      bytes:
        reusable && reusable.length >= bytes
          ? reusable
          : Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, bytes)),
      length: 0,
      count: 0,
    }
    this.#pages.push(page)
    return page
  }
}
