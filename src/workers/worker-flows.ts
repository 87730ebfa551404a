import type { Clock } from '../base/clock.ts'
import { AbandonedFlows } from '../lease/abandoned-flows.ts'
import { FlowLimits, type JoinedRate, SharedRate } from '../lease/rate.ts'
import type { FollowCalls, PrimaryChannel } from './calls.ts'

interface Flow {
  readonly rate: SharedRate
  readonly limits: FlowLimits
  holders: number
  /** What the primary gave. */
  share: number
}

/** The rates that this worker sends under. Their shares come from the primary. */
export class WorkerFlows {
  readonly #flows = new Map<string, Flow>()
  readonly #abandoned = new AbandonedFlows<SharedRate>()
  readonly #channel: Pick<PrimaryChannel, 'tell'>
  readonly #clock: Clock
  readonly #workers: number

  constructor(channel: Pick<PrimaryChannel, 'tell'>, clock: Clock, workers: number) {
    this.#channel = channel
    this.#clock = clock
    this.#workers = workers
  }

  /** Joins the flow of a key. While its holders came with different rates the strictest holds for all. */
  join(key: string, bytesPerSecond: number): JoinedRate {
    let flow = this.#flows.get(key)
    if (!flow) {
      // little, until the primary has made room for more
      const share = bytesPerSecond / this.#workers
      const rate = this.#abandoned.take(key) ?? new SharedRate(share, this.#clock)
      flow = { rate, limits: new FlowLimits(), holders: 0, share }
      this.#flows.set(key, flow)
    }
    const joined = flow
    joined.limits.add(bytesPerSecond)
    joined.holders++
    this.#tell(key, joined)
    let isHeld = true
    return {
      rate: joined.rate,
      leave: () => {
        if (!isHeld) return
        isHeld = false
        joined.limits.remove(bytesPerSecond)
        joined.holders--
        if (joined.holders === 0) {
          this.#flows.delete(key)
          this.#abandoned.put(key, joined.rate)
        }
        this.#tell(key, joined)
      },
    }
  }

  /** The primary divides anew. */
  take({ key, share }: Parameters<FollowCalls['share']>[0]): void {
    const flow = this.#flows.get(key)
    if (!flow) return
    flow.share = share
    flow.rate.changeTo(Math.min(share, flow.limits.strictest))
  }

  #tell(key: string, { rate, limits, holders, share }: Flow): void {
    const bytesPerSecond = holders === 0 ? 0 : limits.strictest
    if (holders > 0) rate.changeTo(Math.min(share, bytesPerSecond))
    this.#channel.tell('holdRate', { key, bytesPerSecond, holders })
  }
}
