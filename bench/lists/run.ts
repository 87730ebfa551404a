/**
 * What a list of a million networks costs: docs/performance.md, section Lists.
 *
 *   node bench/lists/run.ts [ENTRIES]
 *
 * Beside it Node's own `net.BlockList` and nginx's `geo`, with the same networks. The look-ups of nginx
 * cannot be told from the rest of a request, so they are left out. The result goes to
 * bench/results/lists.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine, findPrograms } from '../programs.ts'
import { tell } from '../workplace.ts'
import { measureBlockList } from './block-list.ts'
import { makeList } from './made-list.ts'
import { measureNginx } from './nginx-geo.ts'
import { measureSluice } from './sluice-set.ts'

const MIXES = [
  { title: 'all IPv4', shareOfV4: 1 },
  { title: '70 % IPv4, 30 % IPv6', shareOfV4: 0.7 },
]

const entries = Number(process.argv[2] ?? 1_000_000)
if (!Number.isSafeInteger(entries) || entries < 1) throw new Error('ENTRIES must be 1 or more')

const results = []
for (const { title, shareOfV4 } of MIXES) {
  const list = makeList(entries, shareOfV4)
  tell(`${title}: Sluice`)
  const sluice = await measureSluice(list)
  tell(`${title}: nginx`)
  const nginx = await measureNginx(list.networks)
  tell(`${title}: net.BlockList`)
  const blockList = measureBlockList(list)
  results.push({ title, entries, sluice, nginx: nginx ?? null, blockList })
  const rows: [string, string, string][] = [
    ['load, this thread', `${sluice.loadSeconds.toFixed(2)} s`, ''],
    [
      'load, worker',
      `${sluice.workerSeconds.toFixed(2)} s`,
      `longest stall of the event loop ${sluice.workerStallMs.toFixed(0)} ms`,
    ],
    ['IPv4 look-up', `${sluice.v4.nanoseconds.toFixed(0)} ns`, share(sluice.v4.hits)],
    ...(shareOfV4 < 1
      ? [row('IPv6 look-up', `${sluice.v6.nanoseconds.toFixed(0)} ns`, share(sluice.v6.hits))]
      : []),
    ['memory', `${sluice.bytesPerEntry.toFixed(1)} B`, 'an entry'],
    ['BlockList, load', `${blockList.loadSeconds.toFixed(2)} s`, `${blockList.entries} entries`],
    ['BlockList, IPv4', `${blockList.nanoseconds.toFixed(0)} ns`, share(blockList.hits)],
    ...(nginx
      ? [
          row('nginx geo, nginx -t', `${nginx.loadSeconds.toFixed(2)} s`, 'user CPU'),
          row('nginx geo, memory', `${nginx.bytesPerEntry.toFixed(1)} B`, 'an entry'),
        ]
      : []),
  ]
  process.stdout.write(`${entries} networks, ${title}\n`)
  for (const [name, figure, note] of rows) {
    process.stdout.write(`  ${name.padEnd(20)} ${figure.padStart(10)}  ${note}\n`)
  }
}

const folder = join(import.meta.dirname, '../results')
mkdirSync(folder, { recursive: true })
const machine = describeMachine(findPrograms())
const report = { date: new Date().toISOString().slice(0, 10), machine, results }
writeFileSync(join(folder, 'lists.json'), `${JSON.stringify(report, undefined, 2)}\n`)

function row(name: string, figure: string, note: string): [string, string, string] {
  return [name, figure, note]
}

function share(hits: number): string {
  return `${(hits * 100).toFixed(0)} % hits`
}
