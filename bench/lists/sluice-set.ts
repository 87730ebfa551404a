import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Address } from '../../src/base/address.ts'
import { type AddressSet, NetworkSet } from '../../src/base/network-set.ts'
import { parseInWorker } from '../../src/lists/parse-in-worker.ts'
import { parseList } from '../../src/lists/parse-list.ts'
import { seriesOf } from '../statistics.ts'
import type { MadeList } from './made-list.ts'

const ROUNDS = 5
/** Longer than any collection that a load leaves behind. */
const SETTLE_MS = 200

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

export interface SluiceFigures {
  readonly loadSeconds: number
  readonly workerSeconds: number
  /** The longest time that the event loop stood still during loads by the worker. */
  readonly workerStallMs: number
  readonly bytesPerEntry: number
  readonly v4: LookUps
  readonly v6: LookUps
}

interface LookUps {
  readonly nanoseconds: number
  readonly hits: number
}

/** Medians of rounds; the stall is the longest of all. */
export async function measureSluice({ text, networks, probes }: MadeList): Promise<SluiceFigures> {
  // what the making of the list left behind is gone after a first load and a pause
  parseList(text, 'netset')
  await delay(SETTLE_MS)
  const before = memory()
  const kept = new NetworkSet(parseList(text, 'netset').networks)
  const bytesPerEntry = (memory() - before) / networks.length
  const loads: number[] = []
  const workerLoads: number[] = []
  let stall = 0
  for (let round = 0; round < ROUNDS; round++) {
    loads.push(secondsOf(() => new NetworkSet(parseList(text, 'netset').networks)))
    collect()
    await delay(SETTLE_MS)
    const loop = monitorEventLoopDelay({ resolution: 1 })
    loop.enable()
    const start = performance.now()
    const parsed = await parseInWorker(text, 'netset')
    const set = new NetworkSet(parsed.networks)
    workerLoads.push((performance.now() - start) / 1000)
    await delay(5)
    loop.disable()
    stall = Math.max(stall, loop.max / 1e6)
    if (set.size !== networks.length) throw new Error('the worker lost networks')
  }
  return {
    loadSeconds: seriesOf(loads).median,
    workerSeconds: seriesOf(workerLoads).median,
    workerStallMs: stall,
    bytesPerEntry,
    v4: lookUps(kept, probes[4]),
    v6: lookUps(kept, probes[6]),
  }
}

function memory(): number {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/** Nanoseconds a look-up, as the median of rounds. */
export function lookUps(set: AddressSet, probes: readonly Address[]): LookUps {
  const rounds: number[] = []
  let hits = 0
  for (let round = 0; round < ROUNDS; round++) {
    hits = 0
    const seconds = secondsOf(() => {
      for (const probe of probes) if (set.has(probe)) hits++
    })
    rounds.push((seconds / probes.length) * 1e9)
  }
  return { nanoseconds: seriesOf(rounds).median, hits: hits / probes.length }
}

export function secondsOf(work: () => unknown): number {
  const start = performance.now()
  work()
  return (performance.now() - start) / 1000
}
