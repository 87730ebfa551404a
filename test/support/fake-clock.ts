import type { Clock } from '../../src/base/clock.ts'

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  #milliseconds: number

  constructor(epochSeconds = 1_800_000_000) {
    this.#milliseconds = epochSeconds * 1000
  }

  now(): number {
    return this.#milliseconds
  }

  monotonic(): number {
    return this.#milliseconds
  }

  advance(seconds: number): void {
    this.#milliseconds += seconds * 1000
  }
}
