import { type Network, parseNetwork } from '../base/address.ts'
import { NetworkSetBuilder, type PackedNetworks } from '../base/network-set.ts'
import { readIPv4Network } from './ipv4-bytes.ts'
import { readIPv6Network } from './ipv6-words.ts'

/** Something wrong in the text of a list. */
export interface ListProblem {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Where something stands in a list. */
export type Place = Pick<ListProblem, 'line' | 'column'>

/** A part of a list's bytes that stands in one line. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What a list turned out to be. With problems it holds nothing: half a list never comes into force. */
export interface ParsedList {
  readonly networks: PackedNetworks
  /** Networks in the list, repeated ones included. */
  readonly entries: number
  readonly problems: readonly ListProblem[]
}

/** Wider entries are a poisoned or broken feed. fc00::/7 is the widest real IPv6 one. */
const LONGEST_REFUSED_PREFIX = { 4: 7, 6: 6 } as const

/** A file that is no list at all is reported by its first lines. */
const MAX_PROBLEMS = 100

/** Longer than any address with a prefix length: `ffff:…:255.255.255.255/128` has 49 characters. */
const LONGEST_ENTRY = 64

const EXPECTED = 'expected an address or a CIDR'

/** What a format's parser fills: networks that the list names, and what is wrong with it. */
export class ListDraft {
  readonly bytes: Uint8Array
  readonly #text: Buffer
  readonly #builder = new NetworkSetBuilder()
  readonly #problems: ListProblem[] = []

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Networks so far. */
  get entries(): number {
    return this.#builder.size
  }

  /** Adds the address or CIDR that fills a span. Most are IPv4 and never become a string. */
  addSpan(span: Span, place: Place): void {
    const v4 = readIPv4Network(this.bytes, span.start, span.end)
    if (v4 < 0) this.add(this.textOf(span), place)
    else if (v4 % 64 <= LONGEST_REFUSED_PREFIX[4]) this.refuse(place, tooWide(v4 % 64))
    else this.#builder.addV4(Math.floor(v4 / 64), v4 % 64)
  }

  add(text: string, place: Place): void {
    const wrong = this.tryToAdd(text)
    if (wrong !== undefined) this.refuse(place, wrong)
  }

  /** Adds an address or CIDR, or answers what is wrong with it. */
  tryToAdd(text: string): string | undefined {
    if (text.length > LONGEST_ENTRY) return EXPECTED
    const v6 = readIPv6Network(text)
    if (v6 && v6.prefix > LONGEST_REFUSED_PREFIX[6]) {
      this.#builder.addV6(...v6.words, v6.prefix)
      return undefined
    }
    const network = parseNetwork(text)
    if (!network) return EXPECTED
    const wrong = widthRefusal(network)
    if (wrong !== undefined) return wrong
    this.#builder.add(network)
    return undefined
  }

  /** The text of a span, cut behind what no entry reaches: a line may be as long as the file. */
  textOf({ start, end }: Span, longest = LONGEST_ENTRY + 1): string {
    return this.#text.toString('latin1', start, Math.min(end, start + longest))
  }

  refuse({ line, column }: Place, message: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ line, column, message })
  }

  finish(): ParsedList {
    if (this.entries === 0 && this.#problems.length === 0) {
      this.refuse({ line: 1, column: 1 }, 'the list is empty')
    }
    const good = this.#problems.length === 0
    const builder = good ? this.#builder : new NetworkSetBuilder()
    return { networks: builder.pack(), entries: builder.size, problems: this.#problems }
  }
}

/** Why the network is too wide for any list; undefined when it is not. */
export function widthRefusal({ first, prefix }: Network): string | undefined {
  return prefix <= LONGEST_REFUSED_PREFIX[first.family] ? tooWide(prefix) : undefined
}

function tooWide(prefix: number): string {
  return `a /${prefix} covers too much of the Internet for a list`
}
