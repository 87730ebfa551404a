import type { Clock } from '../base/clock.ts'
import type { DeliveryReport } from './delivery-report.ts'

/** What became of a delivery that was handed over; undefined: nobody said. */
export type Outcome = DeliveryReport | undefined

interface Open {
  readonly expires: number
  readonly onEnd: (outcome: Outcome) => Promise<void>
}

/**
 * Deliveries that another program carries out. Each ends once: by the report of that program, or when the
 * time to wait for one is over.
 */
export class HandOvers {
  readonly #clock: Clock
  readonly #holdMs: number
  /** In the order of their expiry: all are held equally long. */
  readonly #open = new Map<string, Open>()
  readonly #idle: (() => void)[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock, holdSeconds: number) {
    this.#clock = clock
    this.#holdMs = holdSeconds * 1000
  }

  get count(): number {
    return this.#open.size
  }

  has(ticket: string): boolean {
    return this.#open.has(ticket)
  }

  /** Hands a delivery over under a ticket that is not in use. `onEnd` never rejects. */
  begin(ticket: string, onEnd: Open['onEnd']): void {
    if (this.#open.has(ticket)) throw new Error('a ticket that is in use')
    this.#open.set(ticket, { expires: this.#clock.monotonic() + this.#holdMs, onEnd })
    this.#timer ??= setTimeout(this.#expire, this.#holdMs)
  }

  /** Tickets that were never handed out, or that ended before, mean nothing. */
  end(ticket: string, outcome: Outcome): Promise<void> | undefined {
    const open = this.#open.get(ticket)
    if (!open) return undefined
    this.#open.delete(ticket)
    if (this.#open.size === 0) this.#rest()
    return open.onEnd(outcome)
  }

  /** Waits until none is open, so many seconds at most, then ends those that are. */
  async close(seconds: number): Promise<void> {
    if (this.#open.size > 0 && seconds > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000)
        this.#idle.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    await Promise.all([...this.#open.keys()].map(async (ticket) => this.end(ticket, undefined)))
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  readonly #expire = (): void => {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (const [ticket, { expires }] of this.#open) {
      if (expires > now) {
        this.#timer = setTimeout(this.#expire, Math.max(1, expires - now))
        return
      }
      void this.end(ticket, undefined)
    }
  }
}
