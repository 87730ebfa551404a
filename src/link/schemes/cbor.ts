/** A data item of CBOR (RFC 8949), of the kinds that tokens are made of. */
export type CborValue =
  number | string | boolean | null | Buffer | readonly CborValue[] | CborMap | Tagged

/** Keys that are neither integers nor text are refused. */
export type CborMap = ReadonlyMap<number | string, CborValue>

export interface Tagged {
  readonly tag: number
  readonly value: CborValue
}

const MAX_DEPTH = 16
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes one item that fills the bytes. Undefined for what readers disagree on or could drown in:
 * bytes that follow, indefinite lengths, a key twice, nesting beyond 16, integers beyond 2^53.
 */
export function decodeCbor(bytes: Buffer): CborValue | undefined {
  const reader = new Reader(bytes)
  try {
    const value = reader.item(0)
    return reader.isAtEnd ? value : undefined
  } catch (error) {
    if (error instanceof NotCbor) return undefined
    throw error
  }
}

export function isMap(value: CborValue | undefined): value is CborMap {
  return value instanceof Map
}

export function isTagged(value: CborValue | undefined): value is Tagged {
  return typeof value === 'object' && value !== null && 'tag' in value
}

/** Leaves the recursion of the reader; never leaves this file. */
class NotCbor extends Error {}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  item(depth: number): CborValue {
    if (depth > MAX_DEPTH) throw new NotCbor()
    const [initial = 0] = this.#take(1)
    const information = initial & 0x1f
    if (initial >> 5 === 7) return this.#simple(information)
    const argument = this.#argument(information)
    switch (initial >> 5) {
      case 0:
        return argument
      case 1:
        return -1 - argument
      case 2:
        return this.#take(argument)
      case 3:
        return this.#text(argument)
      case 4:
        return this.#array(argument, depth)
      case 5:
        return this.#map(argument, depth)
      default:
        return { tag: argument, value: this.item(depth + 1) }
    }
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new NotCbor()
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #argument(information: number): number {
    if (information < 24) return information
    if (information > 27) throw new NotCbor()
    const bytes = this.#take(2 ** (information - 24))
    const value = Number(BigInt(`0x${bytes.toString('hex')}`))
    if (!Number.isSafeInteger(value)) throw new NotCbor()
    return value
  }

  #text(length: number): string {
    try {
      return UTF8.decode(this.#take(length))
    } catch {
      throw new NotCbor()
    }
  }

  #array(length: number, depth: number): CborValue[] {
    const items: CborValue[] = []
    while (items.length < length) items.push(this.item(depth + 1))
    return items
  }

  #map(length: number, depth: number): CborMap {
    const map = new Map<number | string, CborValue>()
    for (let i = 0; i < length; i++) {
      const key = this.item(depth + 1)
      if (typeof key !== 'string' && !Number.isSafeInteger(key)) throw new NotCbor()
      if (map.has(key as number | string)) throw new NotCbor()
      map.set(key as number | string, this.item(depth + 1))
    }
    return map
  }

  #simple(information: number): CborValue {
    switch (information) {
      case 20:
        return false
      case 21:
        return true
      case 22:
        return null
      case 25:
        return halfFloat(this.#take(2).readUInt16BE())
      case 26:
        return this.#take(4).readFloatBE()
      case 27:
        return this.#take(8).readDoubleBE()
      default:
        throw new NotCbor()
    }
  }
}

/** RFC 8949 appendix D. */
function halfFloat(half: number): number {
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  const sign = half & 0x8000 ? -1 : 1
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  if (exponent === 0) return sign * fraction * 2 ** -24
  return sign * (fraction + 0x400) * 2 ** (exponent - 25)
}

/** Encodes with the shortest lengths and integers; maps keep their order. */
export function encodeCbor(value: CborValue): Buffer {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) return encodeDouble(value)
    return value < 0 ? head(1, -1 - value) : head(0, value)
  }
  if (typeof value === 'string') {
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  }
  if (value === null) return Buffer.of(0xf6)
  if (typeof value === 'boolean') return Buffer.of(value ? 0xf5 : 0xf4)
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  if (isMap(value)) {
    const pairs = [...value].flatMap(([key, item]) => [encodeCbor(key), encodeCbor(item)])
    return Buffer.concat([head(5, value.size), ...pairs])
  }
  if (isTagged(value)) return Buffer.concat([head(6, value.tag), encodeCbor(value.value)])
  return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)])
}

function encodeDouble(value: number): Buffer {
  const bytes = Buffer.alloc(9, 0xfb)
  bytes.writeDoubleBE(value, 1)
  return bytes
}

function head(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.of((major << 5) | argument)
  const information = argument < 0x100 ? 24 : argument < 0x10000 ? 25 : argument < 2 ** 32 ? 26 : 27
  const digits = argument.toString(16).padStart(2 * 2 ** (information - 24), '0')
  return Buffer.concat([Buffer.of((major << 5) | information), Buffer.from(digits, 'hex')])
}
