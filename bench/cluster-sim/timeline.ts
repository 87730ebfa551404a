import { MinHeap } from '../../src/backtest/min-heap.ts'

/** What happens next, in simulated milliseconds. */
export class Timeline {
  readonly #events = new MinHeap<() => void>()
  now = 0

  after(delayMs: number, event: () => void): void {
    this.at(this.now + delayMs, event)
  }

  at(instant: number, event: () => void): void {
    this.#events.push(Math.max(instant, this.now), event)
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const instant = this.#events.nextRank
      const event = this.#events.pop()
      if (!event) return
      this.now = instant
      event()
    }
  }
}
