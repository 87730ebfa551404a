const SMALLEST = 256 * 1024
const LARGEST = 8 * 1024 * 1024
/** A window that took less time is followed by one of twice the size. */
const FAST_MS = 100
/** One that took longer by one of half the size. */
const SLOW_MS = 400

/**
 * How many bytes the kernel is allowed at a time. They are counted before the first of them leaves, so a
 * slow reader gets few of them in advance.
 */
export class WindowPace {
  #size = SMALLEST
  #began = 0

  /** Bytes of the window that begins now. */
  begin(): number {
    this.#began = performance.now()
    return this.#size
  }

  ended(): void {
    const took = performance.now() - this.#began
    if (took < FAST_MS) this.#size = Math.min(this.#size * 2, LARGEST)
    else if (took > SLOW_MS) this.#size = Math.max(this.#size / 2, SMALLEST)
  }
}
