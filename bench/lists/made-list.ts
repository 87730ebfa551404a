import {
  type Address,
  addressFromInteger,
  addressFromWords,
  formatNetwork,
  maskAddress,
  type Network,
} from '../../src/base/address.ts'

/** A netset made from a seed, and addresses to ask for. */
export interface MadeList {
  readonly networks: readonly string[]
  readonly text: Buffer
  /** Half of the answers of each family should be yes. */
  readonly probes: Readonly<Record<4 | 6, readonly Address[]>>
}

/** Few enough that the questions themselves stay in the cache, as the address of a request does. */
const PROBES = 20_000

/**
 * Networks as feeds have them: single IPv4 addresses and blocks from /20, IPv6 /48 to /64 in 2a00::/12. No host
 * bits are set, or nginx would spend its time on warnings.
 */
export function makeList(size: number, shareOfV4: number, seed = 1): MadeList {
  const random = randomWords(seed)
  const made: Network[] = []
  for (let i = 0; i < size; i++) {
    if (i < size * shareOfV4) {
      const prefix = random() % 2 === 0 ? 32 : 20 + (random() % 13)
      made.push({ first: maskAddress(addressFromInteger(random()), prefix), prefix })
    } else {
      const subnet = random() % 4 === 0 ? random() : 0
      const first = addressFromWords(0x2a000000 + (random() % 0x100000), random(), subnet, 0)
      const prefix = 48 + (random() % 17)
      made.push({ first: maskAddress(first, prefix), prefix })
    }
  }
  const networks = made.map(formatNetwork)
  const listed = (family: 4 | 6): Address[] =>
    made.filter(({ first }) => first.family === family).map(({ first }) => first)
  return {
    networks,
    text: Buffer.from(`${networks.join('\n')}\n`),
    probes: {
      4: mixed(listed(4), () => addressFromInteger(random()), random),
      6: mixed(
        listed(6),
        () => addressFromWords(0x2a000000 + (random() % 0x100000), random(), random(), random()),
        random,
      ),
    },
  }
}

function mixed(listed: readonly Address[], any: () => Address, random: () => number): Address[] {
  return Array.from({ length: PROBES }, (_, i) => {
    const one = i % 2 === 0 ? listed[random() % listed.length] : undefined
    return one ? { ...one } : any()
  })
}

/** Mulberry32: the same 32-bit words for the same seed, everywhere. */
function randomWords(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word
    return (word ^ (word >>> 14)) >>> 0
  }
}
