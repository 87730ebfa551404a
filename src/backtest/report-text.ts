import type { BacktestResult } from './backtest.ts'
import type { Fate, ReasonRow } from './report.ts'

const TITLES: Readonly<Record<Fate, string>> = {
  refused: 'would be refused',
  let_in: 'would be let in, by the reason of then',
  observed: 'would be observed',
  slowed: 'would be slowed',
  stands: 'stay refused, not judged by this policy',
}

/** Of the fates whose links are worth a look; of the others the reason says all. */
const NAMED: readonly Fate[] = ['refused', 'observed', 'slowed']
const FATES = Object.keys(TITLES) as Fate[]
const COLUMNS = ['requests', 'new', 'links', 'clients', 'subjects', 'bytes'] as const

/** The result as lines of at most `width` columns where evidence is cut, plain ASCII. */
export function reportLines(result: BacktestResult, width: number): string[] {
  const lines = headLines(result)
  const fates = FATES.filter((fate) => result[fate].length > 0)
  if (fates.length === 0) lines.push('', 'nobody would be refused')
  for (const fate of fates) lines.push('', TITLES[fate], ...tableOf(result[fate]))
  for (const fate of NAMED) {
    for (const row of result[fate]) lines.push('', ...linksOf(fate, row, width))
  }
  lines.push('', ...result.notes.map((note) => `note: ${note}`))
  return lines
}

function headLines({ lines, policy, judged, period, ...result }: BacktestResult): string[] {
  const during = period ? ` from ${period.from} to ${period.to}` : ''
  const counts: [number, string][] = [
    [lines.no_link, 'without a verified link'],
    [lines.no_client, 'without a client address'],
    [result.left_out, 'left out by --since, --until or --judged-by'],
    [result.out_of_order, 'judged late: they ended too long after they began'],
    [lines.unreadable, 'unreadable lines'],
  ]
  return [
    `${lines.records} records, ${judged} judged under ${policy}${during}`,
    ...counts.filter(([count]) => count > 0).map(([count, what]) => `  ${count} ${what}`),
    ...lines.named.map((place) => `  ${printable(place)}`),
  ]
}

function tableOf(rows: readonly ReasonRow[]): string[] {
  const cells = [
    ['reason', ...COLUMNS],
    ...rows.map((row) => [printable(row.reason), ...COLUMNS.map((name) => String(row[name]))]),
  ]
  const widths = ['reason', ...COLUMNS].map((_, i) =>
    Math.max(...cells.map((row) => row[i]?.length ?? 0)),
  )
  return cells.map((row) => `  ${row.map((cell, i) => pad(cell, i, widths[i] ?? 0)).join('  ')}`)
}

const pad = (cell: string, column: number, width: number): string =>
  column === 0 ? cell.padEnd(width) : cell.padStart(width)

function linksOf(fate: Fate, { reason, links, top }: ReasonRow, width: number): string[] {
  const more = links > top.length ? `, ${top.length} of ${links}` : ''
  const names = top.map(({ link_id }) => printable(link_id))
  const idWidth = Math.max(...names.map(({ length }) => length))
  const countWidth = Math.max(...top.map(({ requests }) => String(requests).length))
  return [
    `${fate}, ${printable(reason)}: links, requests, first evidence${more}`,
    ...top.map(({ requests, evidence }, i) => {
      const name = (names[i] ?? '').padEnd(idWidth)
      const line = `  ${name}  ${String(requests).padStart(countWidth)}  ${printable(evidence)}`
      return line.length > width ? `${line.slice(0, width - 3)}...` : line
    }),
  ]
}

/** A log may hold anything: nothing of it moves a cursor or is wider than it is long. */
function printable(text: string): string {
  return text.replaceAll(/[^ -~]/gu, '?')
}
