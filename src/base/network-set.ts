import { type Address, maskWord, type Network } from './address.ts'

/** What can say whether it holds an address. */
export interface AddressSet {
  has(address: Address): boolean
}

/** What one of the two holds. */
export function unionOf(one: AddressSet, other: AddressSet): AddressSet {
  return { has: (address) => one.has(address) || other.has(address) }
}

/**
 * Sorted networks as typed arrays, which one thread can hand to another without a copy. IPv4 is ranges
 * that neither overlap nor touch; IPv6 is blocks that do not nest, with a column for each word of their
 * first addresses.
 */
export interface PackedNetworks {
  /** How many networks were given, those within others included. */
  readonly size: number
  readonly starts: Column
  readonly ends: Column
  readonly words: readonly [Column, Column, Column, Column]
  readonly prefixes: Uint8Array<ArrayBuffer>
}

type Column = Uint32Array<ArrayBuffer>

/** Below this many ranges a binary search is as fast without an index. */
const INDEXED_FROM = 64

/** An immutable set of addresses. A look-up is a binary search in packed networks that allocates nothing. */
export class NetworkSet implements AddressSet {
  readonly size: number
  readonly #packed: PackedNetworks
  readonly #index: Column | undefined

  constructor(networks: Iterable<Network> | PackedNetworks) {
    this.#packed = 'starts' in networks ? networks : packNetworks(networks)
    this.size = this.#packed.size
    const { starts } = this.#packed
    this.#index = starts.length > INDEXED_FROM ? topIndex(starts) : undefined
  }

  has(address: Address): boolean {
    return address.family === 4 ? this.#hasV4(address.d) : this.#hasV6(address)
  }

  #hasV4(value: number): boolean {
    const { starts, ends } = this.#packed
    let low = 0
    let high = starts.length - 1
    if (this.#index) {
      const top = value >>> 16
      low = this.#index[top] ?? 0
      high = this.#index[top + 1] ?? high
    }
    while (low <= high) {
      const middle = (low + high) >>> 1
      if ((starts[middle] ?? Infinity) > value) high = middle - 1
      else if ((ends[middle] ?? -1) < value) low = middle + 1
      else return true
    }
    return false
  }

  /** The last block that starts at or before the address is the only one that can hold it. */
  #hasV6(address: Address): boolean {
    const { words, prefixes } = this.#packed
    const [firstWords] = words
    const { a } = address
    let low = 0
    let high = prefixes.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const word = firstWords[middle] ?? 0
      // most steps are decided by the first word, and its column stays in the cache
      if (word > a || (word === a && compareAt(words, middle, address) > 0)) high = middle - 1
      else low = middle + 1
    }
    return high >= 0 && holdsAt(words, high, prefixes[high] ?? 0, address)
  }
}

/** Collects networks in a few bytes each, in any order, for a `NetworkSet`. */
export class NetworkSetBuilder {
  /** `first * 64 + prefix`: a number sorts without a comparator, the wider of two equal starts first. */
  #v4 = new Float64Array(64)
  #v4Count = 0
  /** Five words a block: the first address and the prefix length. */
  #v6 = new Uint32Array(5 * 16)
  #v6Count = 0

  get size(): number {
    return this.#v4Count + this.#v6Count
  }

  add({ first, prefix }: Network): void {
    if (first.family === 4) this.addV4(first.d, prefix)
    else this.addV6(first.a, first.b, first.c, first.d, prefix)
  }

  /** Host bits are cleared. */
  addV4(address: number, prefix: number): void {
    if (this.#v4Count === this.#v4.length) {
      const larger = new Float64Array(this.#v4.length * 2)
      larger.set(this.#v4)
      this.#v4 = larger
    }
    this.#v4[this.#v4Count++] = maskWord(address, prefix) * 64 + prefix
  }

  /** Host bits are cleared. */
  addV6(a: number, b: number, c: number, d: number, prefix: number): void {
    const at = this.#v6Count * 5
    if (at === this.#v6.length) {
      const larger = new Uint32Array(at * 2)
      larger.set(this.#v6)
      this.#v6 = larger
    }
    this.#v6[at] = maskWord(a, prefix)
    this.#v6[at + 1] = maskWord(b, prefix - 32)
    this.#v6[at + 2] = maskWord(c, prefix - 64)
    this.#v6[at + 3] = maskWord(d, prefix - 96)
    this.#v6[at + 4] = prefix
    this.#v6Count++
  }

  pack(): PackedNetworks {
    return {
      size: this.size,
      ...mergeV4(this.#v4.slice(0, this.#v4Count).sort()),
      ...this.#packV6(),
    }
  }

  #packV6(): Pick<PackedNetworks, 'words' | 'prefixes'> {
    const rows = this.#v6
    const order = Uint32Array.from({ length: this.#v6Count }, (_, i) => i * 5)
    order.sort((x, y) => {
      for (let i = 0; i < 5; i++) {
        const difference = (rows[x + i] ?? 0) - (rows[y + i] ?? 0)
        if (difference !== 0) return difference
      }
      return 0
    })
    const words: PackedNetworks['words'] = [
      new Uint32Array(order.length),
      new Uint32Array(order.length),
      new Uint32Array(order.length),
      new Uint32Array(order.length),
    ]
    const prefixes = new Uint8Array(order.length)
    let count = 0
    for (const row of order) {
      const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = rows.subarray(row, row + 5)
      const last = count - 1
      if (last >= 0 && holdsAt(words, last, prefixes[last] ?? 0, { a, b, c, d })) continue
      words[0][count] = a
      words[1][count] = b
      words[2][count] = c
      words[3][count] = d
      prefixes[count++] = prefix
    }
    return {
      words: [
        words[0].slice(0, count),
        words[1].slice(0, count),
        words[2].slice(0, count),
        words[3].slice(0, count),
      ],
      prefixes: prefixes.slice(0, count),
    }
  }
}

function packNetworks(networks: Iterable<Network>): PackedNetworks {
  const builder = new NetworkSetBuilder()
  for (const network of networks) builder.add(network)
  return builder.pack()
}

type AddressWords = Pick<Address, 'a' | 'b' | 'c' | 'd'>

/** Compares the first address of block `i` with an address. */
function compareAt(words: PackedNetworks['words'], i: number, address: AddressWords): number {
  return (
    (words[0][i] ?? 0) - address.a ||
    (words[1][i] ?? 0) - address.b ||
    (words[2][i] ?? 0) - address.c ||
    (words[3][i] ?? 0) - address.d
  )
}

function holdsAt(
  words: PackedNetworks['words'],
  i: number,
  prefix: number,
  address: AddressWords,
): boolean {
  return (
    maskWord(address.a, prefix) === words[0][i] &&
    maskWord(address.b, prefix - 32) === words[1][i] &&
    // most blocks end within these two words, and a look at the other columns may leave the cache
    (prefix <= 64 ||
      (maskWord(address.c, prefix - 64) === words[2][i] &&
        maskWord(address.d, prefix - 96) === words[3][i]))
  )
}

/** Joins sorted `first * 64 + prefix` blocks that overlap or touch. */
function mergeV4(sorted: Float64Array): Pick<PackedNetworks, 'starts' | 'ends'> {
  const starts = new Uint32Array(sorted.length)
  const ends = new Uint32Array(sorted.length)
  let count = 0
  let lastEnd = -2
  for (const block of sorted) {
    const start = Math.floor(block / 64)
    const end = start + 2 ** (32 - (block % 64)) - 1
    if (start > lastEnd + 1) starts[count++] = start
    lastEnd = Math.max(lastEnd, end)
    ends[count - 1] = lastEnd
  }
  return { starts: starts.slice(0, count), ends: ends.slice(0, count) }
}

/** For each 16-bit prefix, the last range that starts at or before its first address. */
function topIndex(starts: Column): Column {
  const index = new Uint32Array(65537)
  let at = 0
  for (let top = 0; top <= 65536; top++) {
    const first = top * 65536
    while (at + 1 < starts.length && (starts[at + 1] ?? 0) <= first) at++
    index[top] = at
  }
  return index
}
