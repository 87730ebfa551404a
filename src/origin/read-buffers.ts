const KIB = 1024

/** The sizes of a read, smallest first: a slow reader holds 8 KiB, a fast one gains from 1 MiB. */
export const READ_SIZES = [8 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB] as const

/** Bytes. */
export const SMALLEST_READ = READ_SIZES[0]

/** Bytes a sink must have taken at a steady pace before reads of the next size. */
const GROW_AFTER = [64 * KIB, 1024 * KIB, 8 * 1024 * KIB, Infinity] as const

/** A sink that holds one chunk for longer is slow: its reads shrink again. */
const SLOW_AFTER_MS = 250

/**
 * Reused memory for reads. Buffers above the smallest size come out of one budget, so that any number
 * of readers who start fast and then stall cannot hold more than that.
 */
export class ReadBuffers {
  readonly #free: Buffer[][] = READ_SIZES.map(() => [])
  readonly #maxIdleBytes: number
  #budget: number

  constructor(options: { largeBytes: number; maxIdleBytes: number }) {
    this.#budget = options.largeBytes
    this.#maxIdleBytes = options.maxIdleBytes
  }

  /** A buffer of the wanted size class, or the smallest when the budget for large ones is spent. */
  take(size: number): Buffer {
    const sizeClass = size <= this.#budget ? classOf(size) : 0
    const length = READ_SIZES[sizeClass] ?? SMALLEST_READ
    if (length > SMALLEST_READ) this.#budget -= length
    return this.#free[sizeClass]?.pop() ?? Buffer.allocUnsafeSlow(length)
  }

  /** Takes back memory that nobody reads or writes any more. */
  give(buffer: Buffer): void {
    this.forget(buffer)
    const free = this.#free[classOf(buffer.length)]
    if (free && (free.length + 1) * buffer.length <= this.#maxIdleBytes) free.push(buffer)
  }

  /** Counts a buffer as returned and leaves it to the garbage collector: a socket may still read it. */
  forget(buffer: Buffer): void {
    if (buffer.length > SMALLEST_READ) this.#budget += buffer.length
  }
}

function classOf(size: number): number {
  return READ_SIZES.findIndex((length) => length === size)
}

/** The buffers of the process. */
export const readBuffers = new ReadBuffers({
  largeBytes: 16 * KIB * KIB,
  maxIdleBytes: 4 * KIB * KIB,
})

/** How large the next read of one transfer is, judged by how its sink kept up so far. */
export class ReadPace {
  #step = 0
  #taken = 0
  #refusedAt = 0

  /** Bytes. */
  get size(): number {
    return READ_SIZES[this.#step] ?? SMALLEST_READ
  }

  /** The sink took a chunk; `filled` when the read was as large as its buffer. */
  passed(bytes: number, filled: boolean): void {
    this.#taken += bytes
    if (filled && this.#taken >= (GROW_AFTER[this.#step] ?? Infinity)) {
      this.#step++
      this.#taken = 0
    }
  }

  refused(): void {
    this.#refusedAt = performance.now()
  }

  /** The sink took the chunk that it had refused. */
  resumed(bytes: number, filled: boolean): void {
    if (performance.now() - this.#refusedAt > SLOW_AFTER_MS) this.reset()
    else this.passed(bytes, filled)
  }

  reset(): void {
    this.#step = 0
    this.#taken = 0
  }
}
