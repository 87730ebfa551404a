import { SharedRate } from '../lease/rate.ts'
import type { Clock } from '../base/clock.ts'
import { ask, type NodeTerms } from './ask.ts'
import type { ValkeyConnection } from './connection.ts'
import { RATE } from './scripts/upkeep.lua.ts'
import { rateBase } from './tags.ts'

interface Joined {
  readonly rate: SharedRate
  readonly bytesPerSecond: number
}

/** The rates of links that are being downloaded now; nodes that send under the same one divide it. */
export class DividedRates {
  readonly #joined = new Map<string, Joined>()
  readonly #connection: ValkeyConnection
  readonly #terms: NodeTerms
  readonly #clock: Clock

  constructor(connection: ValkeyConnection, terms: NodeTerms, clock: Clock) {
    this.#connection = connection
    this.#terms = terms
    this.#clock = clock
  }

  /** Joins the flow of a key; a changed rate starts a new flow for those who join from then on. */
  join(key: string, bytesPerSecond: number): { rate: SharedRate; leave: () => void } {
    let joined = this.#joined.get(key)
    if (joined?.bytesPerSecond !== bytesPerSecond) {
      joined = { rate: new SharedRate(bytesPerSecond, this.#clock), bytesPerSecond }
      this.#joined.set(key, joined)
      void this.#divide(key, joined)
    }
    const { rate } = joined
    const entered = joined
    rate.holders++
    return {
      rate,
      leave: () => {
        if (--rate.holders > 0 || this.#joined.get(key) !== entered) return
        this.#joined.delete(key)
        void this.#ask(key, true).catch(() => undefined)
      },
    }
  }

  /** Asks how many nodes send under each rate. */
  async beat(): Promise<void> {
    await Promise.all([...this.#joined].map(([key, joined]) => this.#divide(key, joined)))
  }

  async #divide(key: string, { rate, bytesPerSecond }: Joined): Promise<void> {
    try {
      const nodes = Number(await this.#ask(key, false))
      if (nodes > 0) rate.changeTo(bytesPerSecond / nodes)
    } catch {
      // the share stays what it was; the next heartbeat asks again
    }
  }

  #ask(key: string, isGone: boolean): Promise<unknown> {
    const base = rateBase(this.#connection.prefix, key)
    return ask(this.#connection, this.#terms, RATE, base, { isGone })
  }
}
