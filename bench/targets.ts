import { ROWS } from './names.ts'
import type { CaseResult } from './statistics.ts'

/** A promise of the product, and whether this run kept it. */
export interface TargetResult {
  readonly text: string
  readonly measured: string
  /** Undefined when a row that it needs is missing. */
  readonly isMet: boolean | undefined
}

export function judgeTargets(cases: readonly CaseResult[]): TargetResult[] {
  const median = (id: string, row: string): number | undefined =>
    cases.find((result) => result.id === id)?.rows.find(({ name }) => name === row)?.series.median
  const ratio = (id: string, row: string, to: string): number | undefined => {
    const [ours, theirs] = [median(id, row), median(id, to)]
    return ours === undefined || theirs === undefined ? undefined : ours / theirs
  }
  const timesExpress = (id: string, what: string): TargetResult[] =>
    [ROWS.express, ROWS.expressTuned].flatMap((peer) =>
      [ROWS.hmac, ROWS.jwt].map((row) =>
        judge(
          `1 KiB, ${what}, ${row}: at least 4 x ${peer}`,
          ratio(id, row, peer),
          'x',
          (n) => n >= 4,
        ),
      ),
    )
  return [
    ...timesExpress('small-known', 'known links'),
    ...timesExpress('small-fresh', 'fresh links'),
    judge(
      '1 GiB from an HTTP origin: at most 1.0 x the CPU of nginx with default buffers',
      ratio('large-http', ROWS.sluice, ROWS.nginxDefaults),
      'x',
      (n) => n <= 1,
    ),
    judge('a held download: less than 80 KiB', median('held', ROWS.sluice), ' KiB', (n) => n < 80),
  ]
}

function judge(
  text: string,
  value: number | undefined,
  unit: string,
  isMet: (value: number) => boolean,
): TargetResult {
  if (value === undefined) return { text, measured: 'not measured', isMet: undefined }
  return { text, measured: `${value.toFixed(2)}${unit}`, isMet: isMet(value) }
}
