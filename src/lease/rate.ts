import type { Clock } from '../base/clock.ts'

/** What a bucket lets through at once, in seconds of its rate: short bursts, no visible steps. */
const BURST_SECONDS = 0.1

/**
 * One flow of bytes shared by all connections that hold it. A sender asks before it writes how long it
 * must wait; the moments are handed out in order, so that the sum keeps to the rate whatever their number.
 */
export class SharedRate {
  readonly #clock: Clock
  #bytesPerSecond: number
  #free: number
  holders = 0

  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond
    this.#clock = clock
    this.#free = clock.monotonic()
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond
  }

  /** From now on; what is booked already keeps its moment. */
  changeTo(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Books `bytes` and returns the milliseconds until they may be sent. */
  book(bytes: number): number {
    const now = this.#clock.monotonic()
    const earliest = now - BURST_SECONDS * 1000
    if (this.#free < earliest) this.#free = earliest
    this.#free += (bytes / this.bytesPerSecond) * 1000
    return Math.max(0, this.#free - now)
  }

  /** The largest piece to book at once, so that connections take turns. */
  get piece(): number {
    return Math.max(1, Math.floor((this.bytesPerSecond * BURST_SECONDS) / 2))
  }
}

/** The rates of links that are being downloaded now. */
export class RateRegistry {
  readonly #rates = new Map<string, SharedRate>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Joins the flow of a key; a changed rate starts a new flow for those who join from then on. */
  join(key: string, bytesPerSecond: number): { rate: SharedRate; leave: () => void } {
    let rate = this.#rates.get(key)
    if (rate?.bytesPerSecond !== bytesPerSecond) {
      rate = new SharedRate(bytesPerSecond, this.#clock)
      this.#rates.set(key, rate)
    }
    const joined = rate
    joined.holders++
    return {
      rate: joined,
      leave: () => {
        if (--joined.holders === 0 && this.#rates.get(key) === joined) this.#rates.delete(key)
      },
    }
  }
}
