import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROWS } from './names.ts'
import { type BenchResult, figure, formatResult, table, whenAndWhere } from './report.ts'

const PRODUCT = join(import.meta.dirname, '..')
const COLUMNS = ['', 'Sluice', 'with kernel copy', 'nginx', 'HAProxy', 'Express', 'Fastify']

/** A line of the short table: the rows of a case under each column but the first, where there is one. */
interface Line {
  readonly id: string
  readonly text: string
  readonly rows: readonly (string | undefined)[]
}

const LINES: readonly Line[] = [
  {
    id: 'small-known',
    text: '1 KiB, known links, requests per CPU second',
    rows: [ROWS.hmac, undefined, ROWS.nginx, ROWS.haproxyFull, ROWS.express, ROWS.fastify],
  },
  {
    id: 'small-fresh',
    text: '1 KiB, a new link each time, requests per CPU second',
    rows: [ROWS.hmac, undefined, ROWS.nginxLua, ROWS.haproxyFull, ROWS.express, ROWS.fastify],
  },
  {
    id: 'large-http',
    text: '1 GiB from an HTTP origin, CPU seconds',
    rows: [
      ROWS.sluice,
      ROWS.sluiceKernel,
      ROWS.nginxLarge,
      ROWS.haproxySplice,
      ROWS.express,
      ROWS.fastify,
    ],
  },
  {
    id: 'large-file',
    text: '1 GiB from a directory, CPU seconds',
    rows: [ROWS.sluice, ROWS.sluiceKernel, ROWS.nginxFile],
  },
  {
    id: 'held',
    text: 'a held download, KiB',
    rows: [ROWS.sluice, ROWS.sluiceKernel, ROWS.nginxDefaults],
  },
  {
    id: 'latency-p99',
    text: '2,000 requests a second, 99th percentile, ms',
    rows: [ROWS.sluice, undefined, ROWS.nginx, ROWS.haproxyFull],
  },
]

/** Writes a result into README.md and docs/performance.md, between their markers. */
export function publish(result: BenchResult): void {
  rewrite('README.md', 'bench', shortTable(result))
  rewrite('docs/performance.md', 'bench', formatResult(result))
}

/** The short table of the README. */
export function shortTable(result: BenchResult): string {
  const lines = LINES.map(({ id, text, rows }) => {
    const found = result.cases.find((one) => one.id === id)
    const cells = COLUMNS.slice(1).map((_, i) => {
      const row = found?.rows.find(({ name }) => name === rows[i])
      return row ? figure(row.series.median) : ''
    })
    return [text, ...cells]
  })
  return `${whenAndWhere(result)}:\n\n${table(COLUMNS, lines).join('\n')}\n`
}

/** The text with new content between `<!-- NAME -->` and `<!-- /NAME -->`, each alone on its line. */
export function replaceBetween(text: string, name: string, content: string): string {
  const begin = `<!-- ${name} -->\n`
  const end = `<!-- /${name} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`there is no place between ${begin.trim()} and ${end}`)
  return `${text.slice(0, from + begin.length)}\n${content.trim()}\n\n${text.slice(to)}`
}

function rewrite(file: string, name: string, content: string): void {
  const path = join(PRODUCT, file)
  writeFileSync(path, replaceBetween(readFileSync(path, 'utf8'), name, content))
}
