import { AbandonedFlows } from '../lease/abandoned-flows.ts'
import { FlowLimits, type JoinedRate, SharedRate } from '../lease/rate.ts'
import type { Clock } from '../base/clock.ts'
import { ask, type NodeTerms } from './ask.ts'
import type { ValkeyConnection } from './connection.ts'
import { RATE } from './scripts/upkeep.lua.ts'
import { rateBase } from './tags.ts'

interface Flow {
  readonly rate: SharedRate
  readonly limits: FlowLimits
  /** Nodes that send under the same key. */
  nodes: number
}

/**
 * The flows of links and subjects that are being downloaded now. Nodes that send under the same key divide
 * its rate evenly, whatever the number of their connections.
 */
export class DividedRates {
  readonly #flows = new Map<string, Flow>()
  readonly #abandoned = new AbandonedFlows<SharedRate>()
  readonly #connection: ValkeyConnection
  readonly #terms: NodeTerms
  readonly #clock: Clock

  constructor(connection: ValkeyConnection, terms: NodeTerms, clock: Clock) {
    this.#connection = connection
    this.#terms = terms
    this.#clock = clock
  }

  /** Joins the flow of a key. While its holders came with different rates the strictest holds for all. */
  join(key: string, bytesPerSecond: number): JoinedRate {
    let flow = this.#flows.get(key)
    if (!flow) {
      const rate = this.#abandoned.take(key) ?? new SharedRate(bytesPerSecond, this.#clock)
      flow = { rate, limits: new FlowLimits(), nodes: 1 }
      this.#flows.set(key, flow)
      void this.#count(key, flow)
    }
    const entered = flow
    entered.limits.add(bytesPerSecond)
    divide(entered)
    let isHeld = true
    return {
      rate: entered.rate,
      leave: () => {
        if (!isHeld) return
        isHeld = false
        entered.limits.remove(bytesPerSecond)
        if (!entered.limits.isEmpty) {
          divide(entered)
          return
        }
        this.#flows.delete(key)
        this.#abandoned.put(key, entered.rate)
        void this.#ask(key, true).catch(() => undefined)
      },
    }
  }

  /** Asks how many nodes send under each key. */
  async beat(): Promise<void> {
    await Promise.all([...this.#flows].map(([key, flow]) => this.#count(key, flow)))
  }

  async #count(key: string, flow: Flow): Promise<void> {
    try {
      const nodes = Number(await this.#ask(key, false))
      if (!(nodes > 0) || flow.limits.isEmpty) return
      flow.nodes = nodes
      divide(flow)
    } catch {
      // the share stays what it was; the next heartbeat asks again
    }
  }

  #ask(key: string, isGone: boolean): Promise<unknown> {
    const base = rateBase(this.#connection.prefix, key)
    return ask(this.#connection, this.#terms, RATE, base, { isGone })
  }
}

function divide({ rate, limits, nodes }: Flow): void {
  rate.changeTo(limits.strictest / nodes)
}
