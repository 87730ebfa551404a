/**
 * What it costs to find a link's format on a route that accepts every one: docs/performance.md.
 *
 *   node bench/detection.ts [VECTORS-FOLDER]
 *
 * For the first good link of each format: microseconds to locate it among all schemes, alone, and to
 * verify it. The figure to trust is the median of the rounds; the last column is what a format pays for
 * the company of the others.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { KeyRing } from '../src/link/key-ring.ts'
import type { Scheme } from '../src/link/scheme.ts'
import { SCHEMES } from '../src/link/schemes/registry.ts'
import { LinkVerifier } from '../src/link/verify-link.ts'
import { requestOfVector, schemeOfVector, type Vector } from '../src/operator/replay-vector.ts'
import { vectorKey } from '../src/operator/vector-key.ts'
import type { RequestContext } from '../src/request/request-context.ts'
import { seriesOf } from './statistics.ts'

const ROUNDS = 7
const CALLS = 20_000
const VERIFY_CALLS = 300

const folder = process.argv[2] ?? join(import.meta.dirname, '../test/vectors')
const all = SCHEMES.map(({ options, marks, create }) => {
  const settings = options.parse({})
  return { scheme: create(settings, { isIgnored: () => false }), marks: marks(settings) }
})
const none = new KeyRing([])

let worst = 0
process.stdout.write(
  'format                 alone µs   among all µs   difference   verification µs\n',
)
for (const vector of goodLinks()) {
  const scheme = schemeOfVector(vector)
  if (typeof scheme === 'string') throw new Error(scheme)
  const context = contextOf(vector, scheme)
  // those that share a mark with it cannot be on its route
  const own = all.find((one) => one.scheme.name === scheme.name)?.marks ?? []
  const others = all
    .filter(({ marks }) => !marks.some((mark) => own.includes(mark)))
    .map((one) => one.scheme)
  const alone = new LinkVerifier([scheme], none)
  const among = new LinkVerifier([...others, scheme], none)
  const [one, many] = interleaved(
    () => alone.locate(context),
    () => among.locate(context),
  )
  const difference = many - one
  worst = Math.max(worst, difference)
  const verification = costOfVerifying(vector, scheme)
  const cells = [one, many, difference, verification].map((figure) => figure.toFixed(2))
  process.stdout.write(
    `${vector.format.padEnd(22)} ${cells.map((cell, i) => cell.padStart([8, 14, 12, 17][i] ?? 0)).join(' ')}\n`,
  )
}
process.stdout.write(
  `the most that ${all.length} formats on one route cost a link: ${worst.toFixed(2)} µs\n`,
)

function contextOf(vector: Vector, scheme: Scheme): RequestContext {
  const context = requestOfVector(vector, scheme)
  if ('reason' in context) throw new Error(context.detail)
  return context
}

function* goodLinks(): Generator<Vector> {
  for (const { name } of SCHEMES) {
    const file = `${name}.json`
    if (!readdirSync(folder).includes(file)) continue
    const vectors = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Vector[]
    const good = vectors.find(({ expect }) => expect === 'allow')
    if (good) yield good
  }
}

/** Medians of rounds that take turns, in microseconds a call. */
function interleaved(first: () => unknown, second: () => unknown): [number, number] {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    times[0].push(timed(first, CALLS))
    times[1].push(timed(second, CALLS))
  }
  return [seriesOf(times[0]).median, seriesOf(times[1]).median]
}

function costOfVerifying(vector: Vector, scheme: Scheme): number {
  const keys = new KeyRing(vector.keys.map((key) => vectorKey(key, vector.format)))
  const context = contextOf(vector, scheme)
  const found = scheme.find(context)
  if (found.outcome !== 'found') throw new Error(`${vector.name} carries no link`)
  const { carrier } = found
  timed(() => scheme.verify(carrier, keys, context), VERIFY_CALLS)
  return timed(() => scheme.verify(carrier, keys, context), VERIFY_CALLS)
}

function timed(work: () => unknown, calls: number): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < calls; i++) work()
  return Number(process.hrtime.bigint() - start) / calls / 1000
}
