import { addressToBigInt, parseNetwork } from '../../src/base/address.ts'

export interface MmdbOptions {
  readonly ipVersion?: 4 | 6
  readonly databaseType?: string
  /** Epoch seconds. */
  readonly builtAt?: number
}

/** A record, or an empty place of the tree. */
type Leaf = { readonly record: number } | undefined
type Node = [Node | Leaf, Node | Leaf]

const RECORD_BYTES = 3
const METADATA_MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')

/** A database in the format MaxMind DB 2.0 with 24-bit records: a record for each network. */
export function makeMmdb(
  networks: Readonly<Record<string, unknown>>,
  { ipVersion = 6, databaseType = 'Test-Country', builtAt = 1_700_000_000 }: MmdbOptions = {},
): Buffer {
  const data: Buffer[] = []
  const offsets: number[] = []
  const root: Node = [undefined, undefined]
  const parsed = Object.entries(networks).map(([text, record]) => ({ ...bitsOf(text), record }))
  for (const { bits, record } of parsed.toSorted((x, y) => x.bits.length - y.bits.length)) {
    offsets.push(data.reduce((sum, part) => sum + part.length, 0))
    insert(root, bits, { record: offsets.length - 1 })
    data.push(encode(record))
  }
  const nodes = numbered(root)
  const numbers = new Map(nodes.map((node, i) => [node, i]))
  const tree = Buffer.alloc(nodes.length * 2 * RECORD_BYTES)
  for (const [i, entry] of nodes.flat().entries()) {
    const value = Array.isArray(entry)
      ? (numbers.get(entry) ?? 0)
      : entry
        ? nodes.length + 16 + (offsets[entry.record] ?? 0)
        : nodes.length
    tree.writeUIntBE(value, i * RECORD_BYTES, RECORD_BYTES)
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: builtAt,
    database_type: databaseType,
    description: { en: 'made by a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: RECORD_BYTES * 8,
  })
  return Buffer.concat([tree, Buffer.alloc(16), ...data, METADATA_MARKER, metadata])

  /** IPv4 stands in the first 2^32 addresses of an IPv6 tree. */
  function bitsOf(text: string): { readonly bits: string } {
    const network = parseNetwork(text)
    if (!network) throw new Error(`${text} is no network`)
    const { family } = network.first
    const width = family === 4 ? 32 : 128
    const own = addressToBigInt(network.first).toString(2).padStart(width, '0')
    const front = family === 4 && ipVersion === 6 ? '0'.repeat(96) : ''
    return { bits: front + own.slice(0, network.prefix) }
  }
}

/** Puts a leaf at the end of a path; a wider network that is in the way goes on beside it. */
function insert(root: Node, bits: string, leaf: Leaf): void {
  let node = root
  for (const [i, bit] of [...bits].entries()) {
    const side = bit === '1' ? 1 : 0
    if (i === bits.length - 1) {
      node[side] = leaf
      return
    }
    const next = node[side]
    node = Array.isArray(next) ? next : (node[side] = [next, next])
  }
}

/** Every node, the root first. */
function numbered(root: Node): Node[] {
  const nodes = [root]
  for (const node of nodes)
    nodes.push(...node.filter((entry): entry is Node => Array.isArray(entry)))
  return nodes
}

/** A value in the data format: control byte (type and size), then its bytes. */
function encode(value: unknown): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value)
    return Buffer.concat([control(2, bytes.length), bytes])
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return Buffer.concat([control(6, 4), bytes])
  }
  if (typeof value === 'boolean') return control(14, value ? 1 : 0)
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)])
  const members = Object.entries(value as object)
  return Buffer.concat([control(7, members.length), ...members.flat().map(encode)])
}

/**
 * Types above 7 are extended: their number, less 7, is in a byte of its own. So is what a size has
 * above 29.
 */
function control(type: number, size: number): Buffer {
  if (size > 29 + 255) throw new Error('longer values are not needed here')
  const [first, ...rest] = size < 29 ? [size] : [29, size - 29]
  return Buffer.from(type <= 7 ? [(type << 5) | first, ...rest] : [first, type - 7, ...rest])
}
