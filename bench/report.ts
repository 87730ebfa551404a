import type { Machine } from './programs.ts'
import { type CaseResult, growthBetween, type Row } from './statistics.ts'
import type { TargetResult } from './targets.ts'

/** Everything that one run found; what bench/results/latest.json holds. */
export interface BenchResult {
  readonly date: string
  readonly rounds: number
  readonly secondsPerRound: number
  readonly machine: Machine
  readonly cases: readonly CaseResult[]
  readonly targets: readonly TargetResult[]
  readonly notes: readonly string[]
}

/** The result as Markdown that is also readable in a terminal. */
export function formatResult(result: BenchResult): string {
  const { machine, cases, targets, notes } = result
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  const lines = [
    `${whenAndWhere(result)}.`,
    `${versions.join(', ')}.`,
    '',
    ...table(['', 'median', 'range', 'ours to it'], cases.flatMap(caseLines)),
    '',
    ...table(
      ['Target', 'measured', ''],
      targets.map(({ text, measured, isMet }) => [text, measured, verdict(isMet)]),
    ),
    ...(notes.length > 0 ? ['', ...notes.map((note) => `Note: ${note}`)] : []),
  ]
  return `${lines.join('\n')}\n`
}

export function whenAndWhere({ date, machine, rounds }: BenchResult): string {
  const { cores, model, kernel } = machine
  return `${date.slice(0, 10)}, ${cores} cores ${model}, Linux ${kernel}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`
}

function caseLines({ title, unit, rows, ours: whose }: CaseResult): string[][] {
  const [ours] = rows
  const compare = whose === 'all' ? growthSince : ratioOf
  return [
    [`**${title}**, ${unit}`, '', '', ''],
    ...rows.map((row) => [
      row.name,
      figure(row.series.median),
      `${figure(row.series.min)} - ${figure(row.series.max)}`,
      row === ours ? '' : compare(ours, row),
    ]),
  ]
}

/** The first row is ours. */
function ratioOf(ours: Row | undefined, other: Row): string {
  return ours ? `${(ours.series.median / other.series.median).toFixed(2)} x` : ''
}

/** How much more than in the smallest setting. */
function growthSince(smallest: Row | undefined, row: Row): string {
  if (!smallest) return ''
  const growth = Math.round(growthBetween(smallest, row))
  return `${growth < 0 ? '' : '+'}${growth} %`
}

export function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 10 ? 1 : 2)
}

function verdict(isMet: boolean | undefined): string {
  if (isMet === undefined) return 'not measured'
  return isMet ? 'met' : 'NOT MET'
}

/** Cells as a Markdown table; all but the first column to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) =>
    Math.max(3, title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${widths
      .map((width, i) =>
        i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width),
      )
      .join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)]
}
