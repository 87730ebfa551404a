import { systemClock } from '../../src/base/clock.ts'
import { openMemoryDatabase } from '../../src/state/database.ts'
import { EmbeddedLinkState } from '../../src/state/embedded-link-state.ts'
import { Allowances } from '../../src/workers/allowances.ts'
import type { FollowCalls, StateCalls } from '../../src/workers/calls.ts'
import { type Batch, Channel } from '../../src/workers/channel.ts'
import { Coverages } from '../../src/workers/coverages.ts'
import { DividedFlows } from '../../src/workers/divided-flows.ts'
import { HeldForWorker } from '../../src/workers/held-for-worker.ts'
import { WorkerLinkState } from '../../src/workers/link-state.ts'

type ShareCalls = Pick<FollowCalls, 'share'>
type ToPrimary = Channel<ShareCalls, StateCalls>
type ToWorker = Channel<Omit<StateCalls, 'revoke'>, ShareCalls>

/** Workers of one primary, all in this process; messages are copied as between processes. */
export class WorkerLinkStates {
  readonly primary = new EmbeddedLinkState(openMemoryDatabase(), systemClock)
  readonly coverages = new Coverages()
  readonly #allowances = new Allowances()
  readonly #flows = new DividedFlows()
  readonly #workers: number
  readonly failures: Error[] = []

  constructor(workers = 1) {
    this.#workers = workers
  }

  add(): { readonly state: WorkerLinkState; readonly die: () => void } {
    const { primary: state, coverages } = this
    const held = new HeldForWorker({ state, allowances: this.#allowances, coverages })
    const onFailure = (error: Error): void => {
      this.failures.push(error)
    }
    const toWorker: ToWorker = new Channel({
      post: later((batch) => {
        toPrimary.receive(batch)
      }),
      calls: {
        ...held.calls,
        holdRate: ({ key, bytesPerSecond, holders }) => {
          this.#flows.hold(member, key, bytesPerSecond, holders)
        },
      },
      onFailure,
    })
    const member = {
      share: (share: Parameters<FollowCalls['share']>[0]) => toWorker.ask('share', share),
    }
    const toPrimary: ToPrimary = new Channel({
      post: later((batch) => {
        toWorker.receive(batch)
      }),
      calls: {
        share: (share) => {
          worker.flows.take(share)
        },
      },
      onFailure,
    })
    const worker = new WorkerLinkState(toPrimary, systemClock, this.#workers)
    return {
      state: worker,
      die: () => {
        toPrimary.close()
        toWorker.close()
        held.release()
        this.#flows.remove(member)
      },
    }
  }
}

function later(receive: (batch: Batch) => void): (batch: Batch) => void {
  return (batch) => {
    const copy = structuredClone(batch)
    setImmediate(receive, copy)
  }
}
