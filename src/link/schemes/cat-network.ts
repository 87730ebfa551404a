import {
  type Address,
  addressFromBigInt,
  addressToBigInt,
  maskAddress,
  type Network,
} from '../../base/address.ts'
import { type CborValue, isTagged, type Tagged } from './cbor.ts'

/** The tags of addresses and prefixes (RFC 9164). */
const FAMILIES = new Map([
  [52, { family: 4, bytes: 4 }],
  [54, { family: 6, bytes: 16 }],
] as const)

const MAX_ENTRIES = 64

/**
 * The networks of a `catnip` claim, of which any may hold the client. AS numbers are passed over: nobody
 * tells us that of the client. Undefined when an entry is not understood.
 */
export function readNetworks(value: CborValue): readonly Network[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ENTRIES) return undefined
  const networks: Network[] = []
  for (const entry of value as readonly CborValue[]) {
    if (typeof entry === 'number') continue
    const network = isTagged(entry) ? readNetwork(entry) : undefined
    if (!network) return undefined
    networks.push(network)
  }
  return networks
}

/** An address, or `[length, bytes]` with or without the zero bytes at its end. */
function readNetwork({ tag, value }: Tagged): Network | undefined {
  const form = FAMILIES.get(tag as 52 | 54)
  if (!form) return undefined
  const width = form.bytes * 8
  const [length, bytes] = Buffer.isBuffer(value)
    ? [value.length === form.bytes ? width : -1, value]
    : Array.isArray(value) && value.length === 2
      ? (value as readonly CborValue[])
      : []
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 0 || length > width) {
    return undefined
  }
  if (!Buffer.isBuffer(bytes) || bytes.length > form.bytes) return undefined
  const full = Buffer.alloc(form.bytes)
  bytes.copy(full)
  const address = addressFromBigInt(BigInt(`0x${full.toString('hex')}`), form.family)
  // an IPv4 address in the form of IPv6 counts its prefix in 128 bits
  const prefix = address.family === form.family ? length : length - 96
  return prefix < 0 ? undefined : { first: maskAddress(address, prefix), prefix }
}

/**
 * The form of a claim, for new links. The zero bytes at the end of a prefix stay, although RFC 9164
 * section 4.2 leaves them out: @eyevinn/cat takes no others.
 */
export function writeNetworks(networks: readonly Network[]): CborValue {
  return networks.map(({ first, prefix }) => {
    const bytes = bytesOfAddress(first)
    const tag = first.family === 4 ? 52 : 54
    return { tag, value: prefix === bytes.length * 8 ? bytes : [prefix, bytes] }
  })
}

function bytesOfAddress(address: Address): Buffer {
  const digits = address.family === 4 ? 8 : 32
  return Buffer.from(addressToBigInt(address).toString(16).padStart(digits, '0'), 'hex')
}
