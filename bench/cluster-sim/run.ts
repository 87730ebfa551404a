/**
 * Lets the lease protocol of many nodes meet deaths, pauses, losses and restarts: docs/scaling.md.
 *
 *   node bench/cluster-sim/run.ts [--nodes 8] [--links 1000] [--steps 1000000] [--seed 1]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { formatCluster } from './report.ts'
import { runScenarios } from './run-scenarios.ts'

const RESULTS = join(import.meta.dirname, '../results')

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '8' },
    links: { type: 'string', default: '1000' },
    steps: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
  },
})

const size = {
  nodes: whole('--nodes', values.nodes),
  links: whole('--links', values.links),
  steps: whole('--steps', values.steps),
  seed: whole('--seed', values.seed),
}
const results = runScenarios(size)
mkdirSync(RESULTS, { recursive: true })
const written = { date: new Date().toISOString(), size, results }
writeFileSync(join(RESULTS, 'cluster-sim.json'), `${JSON.stringify(written, undefined, 2)}\n`)
process.stdout.write(formatCluster(size, results))
if (results.some(({ isKept }) => !isKept)) process.exitCode = 1

function whole(option: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new Error(`${option} is a whole number of 1 or more`)
}
