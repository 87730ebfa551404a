/**
 * Measures what the state server keeps for one of each, with a redis-server of its own: docs/scaling.md.
 *
 *   node bench/state/memory.ts
 */
import { randomBytes } from 'node:crypto'
import { startState } from './state-process.ts'

/** So many, that what the server needs anyway does not count. */
const EACH = 20_000

type Command = readonly (string | number)[]

/** In the protocol of the server: quotes and spaces need no escapes. */
function written(commands: readonly Command[]): string {
  return commands
    .map((command) => {
      const parts = command.map(String).map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
      return `*${parts.length}\r\n${parts.join('')}`
    })
    .join('')
}

const name = (bytes = 16): string => randomBytes(bytes).toString('base64url')
const tag = (): string => `sluice:{${name()}}:`
const NODE = name(9)

function lease(base: string): Command[] {
  const download = name()
  return [
    [
      'HSET',
      `${base}d:${download}`,
      NODE,
      1793491200000,
      `${NODE}|connections`,
      1,
      `${NODE}|downloads`,
      1,
    ],
    ['PEXPIRE', `${base}d:${download}`, 900_000],
    ['ZADD', `${base}l:downloads`, 1793491200000, download],
    ['PEXPIRE', `${base}l:downloads`, 900_000],
  ]
}

function sighting(base: string, index: number): Command[] {
  const device = name(12)
  const seen = { seen: 1793491200, expires: 1793577600 }
  const network = { country: 'DE', asn: 3320, isRelay: false, device, first: 1793491200, ...seen }
  return [
    ['HSET', `${base}s`, `203.0.${index % 256}.0/24`, JSON.stringify(network)],
    ['HSET', `${base}v`, device, JSON.stringify(seen)],
    ['EXPIRE', `${base}s`, 86_400],
    ['EXPIRE', `${base}v`, 86_400],
  ]
}

function unfinished(base: string): Command[] {
  const key = `${base}k:${name()}`
  const fields = ['etag', `"${name(12)}"`, 'size', 1_073_741_824, 'started', 1793491200]
  return [
    ['HSET', key, ...fields, 'edges', '0,52428800,104857600,209715200', 'used', 0],
    ['EXPIRE', key, 86_400],
  ]
}

const KINDS: readonly (readonly [string, (index: number) => Command[]])[] = [
  ['open download, one limit of its own link', () => lease(tag())],
  ['unfinished download', () => unfinished(tag())],
  ['uses of a link', () => [['SET', `${tag()}u`, 1, 'EX', 86_400]]],
  ['first address', () => [['SET', `${tag()}f`, '2001:db8:1:2::3', 'EX', 86_400]]],
  ['first network and device of a link', (index) => sighting(tag(), index)],
  [
    'revocation',
    () => [
      [
        'HSET',
        'sluice:{table:revocations}:rows',
        name(),
        JSON.stringify({ id: name(), created_at: 1793491200, link_id: name() }),
      ],
    ],
  ],
  [
    'idempotency key',
    () => [['SET', `sluice:answer:{${name(32)}}`, 'x'.repeat(400), 'EX', 86_400]],
  ],
]

const state = await startState()
try {
  for (const [kind, make] of KINDS) {
    state.cli(undefined, 'FLUSHALL')
    const before = usedMemory()
    state.cli(written(Array.from({ length: EACH }, (_, index) => make(index)).flat()), '--pipe')
    const bytes = (usedMemory() - before) / EACH
    process.stdout.write(`${kind.padEnd(44)}${String(Math.round(bytes)).padStart(8)} bytes\n`)
  }
} finally {
  state.stop()
}

function usedMemory(): number {
  const found = /^used_memory:(\d+)/m.exec(state.cli(undefined, 'INFO', 'memory'))?.[1]
  return Number(found)
}
