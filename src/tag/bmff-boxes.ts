import type { ByteReader } from './carrier.ts'

/** A top-level box of an ISO base media file. */
export interface Box {
  readonly type: string
  readonly start: number
  /** Behind its last byte. */
  readonly end: number
}

const HEADER = 8
/** With a size of 64 bits. */
const LONG_HEADER = 16

/** A fragmented film has a pair of boxes for every few seconds. */
const MAX_BOXES = 20_000

/** Where boxes lie far apart each of them costs a read, and over HTTP a read is a request. */
const MAX_READS = 10_000

const SMALLEST_WINDOW = 1024
const LARGEST_WINDOW = 64 * 1024

/**
 * Walks the top-level boxes (ISO/IEC 14496-12 section 4.2) and shows each to `visit`. Returns why the
 * file is no unbroken row of boxes that ends where the file ends; undefined when it is one.
 */
export async function walkBoxes(
  file: ByteReader,
  visit: (box: Box) => void,
): Promise<string | undefined> {
  const window = new Window(file)
  let count = 0
  for (let start = 0; start < file.size; count++) {
    if (count === MAX_BOXES) return `it has more than ${MAX_BOXES} boxes`
    if (window.reads > MAX_READS) return 'its boxes lie too far apart'
    const header = await window.at(start, LONG_HEADER)
    if (header.length < HEADER) return `${header.length} bytes follow the last box`
    const size = sizeOf(header)
    if (size === 0) return 'its last box is open-ended'
    if (size === undefined || start + size > file.size)
      return `the box at ${start} has a wrong size`
    visit({ type: header.toString('latin1', 4, HEADER), start, end: start + size })
    start += size
  }
  return count === 0 ? 'it is empty' : undefined
}

/** 0 stands for "up to the end of the file"; undefined for a size that does not hold its own header. */
function sizeOf(header: Buffer): number | undefined {
  const size = header.readUInt32BE(0)
  if (size === 0) return 0
  if (size !== 1) return size >= HEADER ? size : undefined
  if (header.length < LONG_HEADER) return undefined
  const long = header.readBigUInt64BE(HEADER)
  return long >= BigInt(LONG_HEADER) && long <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(long)
    : undefined
}

/** Reads a little where boxes are large, and much at once where they are small. */
class Window {
  reads = 0
  readonly #file: ByteReader
  #start = 0
  #bytes: Buffer = Buffer.alloc(0)
  #length = SMALLEST_WINDOW

  constructor(file: ByteReader) {
    this.#file = file
  }

  /** Up to `length` bytes from `start` on: fewer where the file ends. */
  async at(start: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.#file.size - start)
    const end = this.#start + this.#bytes.length
    if (start + wanted > end) {
      const isNear = this.reads > 0 && start - end < LARGEST_WINDOW
      this.#length = isNear ? Math.min(this.#length * 2, LARGEST_WINDOW) : SMALLEST_WINDOW
      this.#start = start
      this.#bytes = await this.#file.read(start, Math.min(start + this.#length, this.#file.size))
      this.reads++
    }
    return this.#bytes.subarray(start - this.#start, start - this.#start + wanted)
  }
}
