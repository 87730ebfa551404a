import { type Address, maskAddress, type Network } from './address.ts'

/**
 * An immutable set of addresses, packed. IPv4 blocks are merged into sorted pairs of unsigned 32-bit
 * integers with an index over the top 16 bits; IPv6 blocks into sorted runs of four words. A look-up
 * is a binary search that allocates nothing.
 */
export class NetworkSet {
  readonly size: number
  readonly #starts: Uint32Array
  readonly #ends: Uint32Array
  readonly #index: Uint32Array | undefined
  readonly #starts6: Uint32Array
  readonly #ends6: Uint32Array

  constructor(networks: Iterable<Network>) {
    const v4: [number, number][] = []
    const v6: [Words, Words][] = []
    let size = 0
    for (const network of networks) {
      size++
      if (network.first.family === 4) {
        const start = maskAddress(network.first, network.prefix).d
        v4.push([start, start + 2 ** (32 - network.prefix) - 1])
      } else v6.push([words(network.first), lastWords(network)])
    }
    this.size = size
    v4.sort((x, y) => x[0] - y[0])
    const merged = mergeSorted(v4)
    this.#starts = Uint32Array.from(merged, (range) => range[0])
    this.#ends = Uint32Array.from(merged, (range) => range[1])
    this.#index = merged.length > 64 ? topIndex(this.#starts) : undefined
    v6.sort((x, y) => compareWords(x[0], y[0]))
    // IPv6 blocks nest but never overlap in part, so dropping the nested ones leaves disjoint ranges
    const disjoint = v6.filter(keepOuter())
    this.#starts6 = Uint32Array.from(disjoint.flatMap((range) => range[0]))
    this.#ends6 = Uint32Array.from(disjoint.flatMap((range) => range[1]))
  }

  has(address: Address): boolean {
    return address.family === 4 ? this.#hasV4(address.d) : this.#hasV6(address)
  }

  #hasV4(value: number): boolean {
    let low = 0
    let high = this.#starts.length - 1
    if (this.#index) {
      const top = value >>> 16
      low = this.#index[top] ?? 0
      high = this.#index[top + 1] ?? high
    }
    while (low <= high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? Infinity) > value) high = middle - 1
      else if ((this.#ends[middle] ?? -1) < value) low = middle + 1
      else return true
    }
    return false
  }

  #hasV6(address: Address): boolean {
    let low = 0
    let high = this.#starts6.length / 4 - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      if (compareAt(this.#starts6, middle, address) > 0) high = middle - 1
      else if (compareAt(this.#ends6, middle, address) < 0) low = middle + 1
      else return true
    }
    return false
  }
}

type Words = [number, number, number, number]

function words(address: Address): Words {
  return [address.a, address.b, address.c, address.d]
}

function lastWords(network: Network): Words {
  const free = 128 - network.prefix
  return words(network.first).map((word, i) => {
    const bits = Math.min(32, Math.max(0, free - (3 - i) * 32))
    return bits === 32 ? 0xffffffff : (word | (2 ** bits - 1)) >>> 0
  }) as Words
}

function compareWords(x: Words, y: Words): number {
  return x[0] - y[0] || x[1] - y[1] || x[2] - y[2] || x[3] - y[3]
}

/** Compares entry `i` of a packed array with an address. */
function compareAt(packed: Uint32Array, i: number, address: Address): number {
  const at = i * 4
  return (
    (packed[at] ?? 0) - address.a ||
    (packed[at + 1] ?? 0) - address.b ||
    (packed[at + 2] ?? 0) - address.c ||
    (packed[at + 3] ?? 0) - address.d
  )
}

function keepOuter(): (range: [Words, Words]) => boolean {
  let last: Words | undefined
  return ([, end]) => {
    if (last && compareWords(end, last) <= 0) return false
    last = end
    return true
  }
}

function mergeSorted(ranges: readonly [number, number][]): [number, number][] {
  const merged: [number, number][] = []
  for (const [start, end] of ranges) {
    const last = merged.at(-1)
    if (last && start <= last[1] + 1) last[1] = Math.max(last[1], end)
    else merged.push([start, end])
  }
  return merged
}

/** For each 16-bit prefix, the last range that starts at or before its first address. */
function topIndex(starts: Uint32Array): Uint32Array {
  const index = new Uint32Array(65537)
  let at = 0
  for (let top = 0; top <= 65536; top++) {
    const first = top * 65536
    while (at + 1 < starts.length && (starts[at + 1] ?? 0) <= first) at++
    index[top] = at
  }
  return index
}
