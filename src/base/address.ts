/**
 * An IP address as numbers. IPv4 is one unsigned 32-bit integer in `d`; IPv6 is four, `a` the most
 * significant. IPv4-mapped IPv6 (`::ffff:a.b.c.d`) is IPv4.
 */
export interface Address {
  readonly family: 4 | 6
  readonly a: number
  readonly b: number
  readonly c: number
  readonly d: number
  /** Canonical text: dotted quad, or RFC 5952. */
  readonly text: string
}

/** Dotted quad without leading zeros as an unsigned 32-bit integer, or -1. */
export function parseIPv4(text: string): number {
  const length = text.length
  if (length < 7 || length > 15) return -1
  let value = 0
  let octet = -1
  let digits = 0
  let dots = 0
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i)
    if (c === 46) {
      if (octet < 0 || ++dots > 3) return -1
      value = value * 256 + octet
      octet = -1
      digits = 0
    } else if (c >= 48 && c <= 57) {
      if (octet === 0 || ++digits > 3) return -1
      octet = (octet < 0 ? 0 : octet * 10) + (c - 48)
      if (octet > 255) return -1
    } else return -1
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1
}

/** RFC 4291 text without a zone as eight 16-bit groups, or undefined. */
export function parseIPv6(text: string): number[] | undefined {
  if (text.length < 2 || text.length > 45) return undefined
  const groups: number[] = []
  let gap = -1
  let i = 0
  if (text.startsWith('::')) {
    gap = 0
    i = 2
  }
  while (i < text.length) {
    let end = i
    let value = 0
    while (end < text.length && end - i < 5) {
      const digit = hexDigit(text.charCodeAt(end))
      if (digit < 0) break
      value = value * 16 + digit
      end++
    }
    if (text[end] === '.') {
      const v4 = parseIPv4(text.slice(i))
      if (v4 < 0) return undefined
      groups.push(v4 >>> 16, v4 & 0xffff)
      i = text.length
      break
    }
    if (end === i || end - i > 4) return undefined
    groups.push(value)
    if (end === text.length) {
      i = end
      break
    }
    if (text[end] !== ':') return undefined
    i = end + 1
    if (text[i] === ':') {
      if (gap >= 0) return undefined
      gap = groups.length
      i++
    } else if (i === text.length) return undefined
  }
  if (gap < 0) return groups.length === 8 ? groups : undefined
  if (groups.length > 7) return undefined
  return [
    ...groups.slice(0, gap),
    ...Array.from({ length: 8 - groups.length }, () => 0),
    ...groups.slice(gap),
  ]
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48
  const lower = c | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** Parses one address strictly: no ports, brackets, leading zeros, or shorthand. A zone id is dropped. */
export function parseAddress(text: string): Address | undefined {
  const v4 = parseIPv4(text)
  if (v4 >= 0) return { family: 4, a: 0, b: 0, c: 0, d: v4, text }
  const zone = text.indexOf('%')
  const groups = parseIPv6(zone < 0 ? text : text.slice(0, zone))
  return groups && addressFromGroups(groups)
}

function addressFromGroups(g: readonly number[]): Address {
  const word = (i: number): number => ((g[i] ?? 0) * 0x10000 + (g[i + 1] ?? 0)) >>> 0
  return addressFromWords(word(0), word(2), word(4), word(6))
}

/** An IPv6 address from four 32-bit words; an IPv4-mapped one becomes IPv4. */
export function addressFromWords(a: number, b: number, c: number, d: number): Address {
  if (a === 0 && b === 0 && c === 0xffff) return addressFromInteger(d)
  return { family: 6, a, b, c, d, text: formatIPv6([a, b, c, d]) }
}

/** An IPv4 address from its integer; the signed form (-1 = 255.255.255.255) is taken too. */
export function addressFromInteger(value: number): Address {
  const d = value >>> 0
  return { family: 4, a: 0, b: 0, c: 0, d, text: formatIPv4(d) }
}

function formatIPv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as `::`. */
function formatIPv6(words: readonly number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff])
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > bestLength) {
      best = i
      bestLength = run
    }
    i += run
  }
  const hex = groups.map((group) => group.toString(16))
  if (best < 0) return hex.join(':')
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`
}

export function sameAddress(x: Address, y: Address): boolean {
  return x.family === y.family && x.d === y.d && x.c === y.c && x.b === y.b && x.a === y.a
}

/** The address as one integer: 32 bits wide for IPv4, 128 for IPv6. */
export function addressToBigInt(address: Address): bigint {
  if (address.family === 4) return BigInt(address.d)
  const high = (BigInt(address.a) << 32n) | BigInt(address.b)
  return (high << 64n) | (BigInt(address.c) << 32n) | BigInt(address.d)
}

/** The inverse of `addressToBigInt` for a known family. */
export function addressFromBigInt(value: bigint, family: 4 | 6): Address {
  if (family === 4) return addressFromInteger(Number(value))
  const word = (shift: bigint): number => Number((value >> shift) & 0xffffffffn)
  return addressFromWords(word(96n), word(64n), word(32n), word(0n))
}

/** A block of addresses: the network's first address and its prefix length. */
export interface Network {
  readonly first: Address
  readonly prefix: number
}

/** Parses an address or CIDR of a list or a link; host bits are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (!address || text.includes('%')) return undefined
  const width = address.family === 4 ? 32 : 128
  if (slash < 0) return { first: address, prefix: width }
  const suffix = text.slice(slash + 1)
  if (!/^(0|[1-9]\d{0,2})$/.test(suffix)) return undefined
  // ::ffff:192.0.2.0/120 counts its prefix in 128 bits
  const mapped = address.family === 4 && text.includes(':')
  const prefix = Number(suffix) - (mapped ? 96 : 0)
  if (prefix < 0 || prefix > width) return undefined
  return { first: maskAddress(address, prefix), prefix }
}

/** The first address of the block of `prefix` bits that holds the address. */
export function maskAddress(address: Address, prefix: number): Address {
  if (address.family === 4) return addressFromInteger(maskWord(address.d, prefix))
  return addressFromWords(
    maskWord(address.a, prefix),
    maskWord(address.b, prefix - 32),
    maskWord(address.c, prefix - 64),
    maskWord(address.d, prefix - 96),
  )
}

/** The leading `bits` of an unsigned 32-bit word; none below 1, all from 32 on. */
export function maskWord(word: number, bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? word : (word & (0xffffffff << (32 - bits))) >>> 0
}

export function networkContains(network: Network, address: Address): boolean {
  const { first, prefix } = network
  if (first.family !== address.family) return false
  if (address.family === 4) return maskWord(address.d, prefix) === first.d
  return (
    maskWord(address.a, prefix) === first.a &&
    maskWord(address.b, prefix - 32) === first.b &&
    maskWord(address.c, prefix - 64) === first.c &&
    maskWord(address.d, prefix - 96) === first.d
  )
}

export function formatNetwork(network: Network): string {
  const width = network.first.family === 4 ? 32 : 128
  return network.prefix === width ? network.first.text : `${network.first.text}/${network.prefix}`
}

/** What counts as one client: the IPv4 address, or the IPv6 /64. */
export function clientKey(address: Address): string {
  return address.family === 4 ? address.text : `${address.a.toString(16)}:${address.b.toString(16)}`
}

/** The network that a client counts under where networks are counted: the IPv4 /24 or IPv6 /64. */
export function clientNetwork(address: Address): string {
  const prefix = address.family === 4 ? 24 : 64
  return formatNetwork({ first: maskAddress(address, prefix), prefix })
}
