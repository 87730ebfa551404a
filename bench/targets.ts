import { ROWS } from './names.ts'
import { type CaseResult, growthBetween } from './statistics.ts'

/** A promise of the product, and whether this run kept it. */
export interface TargetResult {
  readonly text: string
  readonly measured: string
  /** Undefined when a row that it needs is missing. */
  readonly isMet: boolean | undefined
}

/** A bound on a figure of ours, or on its ratio to a peer's. */
interface Bound {
  readonly text: string
  readonly value: number | undefined
  readonly unit: 'x' | ' KiB' | ' ms' | ' %'
  readonly isMet: (value: number) => boolean
}

const SIGNATURES = [ROWS.hmac, ROWS.jwt]
const KNOWN: readonly [least: number, peer: string][] = [
  [0.7, ROWS.haproxyFull],
  [5, ROWS.express],
  [4, ROWS.expressTuned],
  [3, ROWS.fastify],
  [3, ROWS.fastifyFull],
]
const FRESH: readonly [least: number, peer: string][] = [
  [0.3, ROWS.nginxLua],
  [4, ROWS.express],
  [4, ROWS.expressTuned],
]
const GROWTH = [
  ['decisions-lists', '100 to 1,000,000 networks'],
  ['decisions-keys', '1 to 10,000 keys'],
] as const

/** All targets, in a fixed order: one whose figures are missing is listed as not measured. */
export function judgeTargets(cases: readonly CaseResult[]): TargetResult[] {
  const rowsOf = (id: string): CaseResult['rows'] => cases.find((one) => one.id === id)?.rows ?? []
  const median = (id: string, row: string): number | undefined =>
    rowsOf(id).find(({ name }) => name === row)?.series.median
  const ratio = (id: string, row: string, to: string): number | undefined => {
    const [ours, theirs] = [median(id, row), median(id, to)]
    return ours === undefined || theirs === undefined ? undefined : ours / theirs
  }
  const small = (links: 'known' | 'fresh', bounds: typeof KNOWN): Bound[] =>
    bounds.flatMap(([least, peer]) =>
      SIGNATURES.map((row) => ({
        text: `1 KiB, ${links} links, ${row}: at least ${least} x ${peer}`,
        value: ratio(`small-${links}`, row, peer),
        unit: 'x',
        isMet: (value) => value >= least,
      })),
    )
  const large = (id: string, what: string, row: string, most: number, peer: string): Bound => ({
    text: `${what}, ${row}: at most ${most} x the CPU of ${peer}`,
    value: ratio(id, row, peer),
    unit: 'x',
    isMet: (value) => value <= most,
  })
  const held = (row: string): Bound => ({
    text: `a held download, ${row}: less than 48 KiB`,
    value: median('held', row),
    unit: ' KiB',
    isMet: (value) => value < 48,
  })
  const added = difference(median('latency-p99', ROWS.sluice), median('latency-p99', ROWS.direct))
  const growth = (id: string, what: string, links: string): Bound => ({
    text: `a decision, ${links} links: grows by less than 10 % from ${what}`,
    value: growthOf(rowsOf(`${id}-${links}`)),
    unit: ' %',
    isMet: (value) => value < 10,
  })
  const http = '1 GiB from an HTTP origin'
  const file = '1 GiB from a directory'
  const bounds: Bound[] = [
    ...small('known', KNOWN),
    ...small('fresh', FRESH),
    large('large-http', http, ROWS.sluice, 1, ROWS.nginxDefaults),
    large('large-http', http, ROWS.sluice, 1.25, ROWS.nginxLarge),
    large('large-http', http, ROWS.sluiceKernel, 0.9, ROWS.haproxySplice),
    large('large-file', file, ROWS.sluice, 2.5, ROWS.nginxFile),
    large('large-file', file, ROWS.sluiceKernel, 1.3, ROWS.nginxFile),
    held(ROWS.sluice),
    held(ROWS.sluiceKernel),
    {
      text: '2,000 requests a second: 99th percentile less than 5 ms above that of the origin itself',
      value: added,
      unit: ' ms',
      isMet: (value) => value < 5,
    },
    ...GROWTH.flatMap(([id, what]) => ['fresh', 'known'].map((links) => growth(id, what, links))),
  ]
  return bounds.map(judge)
}

function judge({ text, value, unit, isMet }: Bound): TargetResult {
  if (value === undefined) return { text, measured: 'not measured', isMet: undefined }
  return { text, measured: `${value.toFixed(2)}${unit}`, isMet: isMet(value) }
}

function difference(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other
}

/** Percent from the first row to the last. */
function growthOf(rows: CaseResult['rows']): number | undefined {
  const [first, last] = [rows[0], rows.at(-1)]
  return first && last && growthBetween(first, last)
}
