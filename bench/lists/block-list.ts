import { BlockList } from 'node:net'
import type { MadeList } from './made-list.ts'
import { lookUps, secondsOf } from './sluice-set.ts'

export interface BlockListFigures {
  /** Fewer than asked for when the time ran out. */
  readonly entries: number
  readonly loadSeconds: number
  /** Of an IPv4 look-up. */
  readonly nanoseconds: number
  readonly hits: number
}

const BUDGET_SECONDS = 60
const STEP = 1000
/** Few enough to end in time should a look-up go through the networks one by one. */
const PROBES = 2000

/** Node's own block list: as many of the networks as it takes in a minute. */
export function measureBlockList({ networks, probes }: MadeList): BlockListFigures {
  const list = new BlockList()
  let entries = 0
  let loadSeconds = 0
  while (entries < networks.length && loadSeconds < BUDGET_SECONDS) {
    const some = networks.slice(entries, entries + STEP)
    loadSeconds += secondsOf(() => {
      for (const network of some) add(list, network)
    })
    entries += some.length
  }
  const set = {
    has: ({ text, family }: { text: string; family: 4 | 6 }) => list.check(text, `ipv${family}`),
  }
  const { nanoseconds, hits } = lookUps(set, probes[4].slice(0, PROBES))
  return { entries, loadSeconds, nanoseconds, hits }
}

function add(list: BlockList, network: string): void {
  const [address = '', prefix] = network.split('/')
  const family = address.includes(':') ? 'ipv6' : 'ipv4'
  if (prefix === undefined) list.addAddress(address, family)
  else list.addSubnet(address, Number(prefix), family)
}
