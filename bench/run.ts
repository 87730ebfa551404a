/**
 * Measures Sluice beside nginx, HAProxy, Express and Fastify on this machine, in CPU seconds: docs/performance.md.
 *
 *   node bench/run.ts [--rounds 5] [--seconds 4] [--quick] [--only small-known,large-http] [--write]
 *   node bench/run.ts --stored [--write]
 *   node bench/run.ts --profile
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CASES, measureCases, type Plan } from './cases.ts'
import { installPeers } from './contenders/node-peers.ts'
import { profileSluice } from './profile.ts'
import { describeMachine, findPrograms } from './programs.ts'
import { publish } from './publish.ts'
import { type BenchResult, formatResult } from './report.ts'
import { judgeTargets } from './targets.ts'

const RESULTS = join(import.meta.dirname, 'results')
const LATEST = join(RESULTS, 'latest.json')
const LEAST_ROUNDS = 5

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string', default: CASES.join() },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    stored: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
})

if (values.profile) {
  process.stdout.write(await profileSluice())
} else {
  const result = values.stored ? readStored() : await measure()
  process.stdout.write(formatResult(result))
  if (values.write && process.exitCode === undefined) publish(result)
}
// servers that still run are stopped on exit
process.exit()

async function measure(): Promise<BenchResult> {
  const programs = findPrograms()
  const notes: string[] = []
  const plan: Plan = {
    rounds: bounded('--rounds', values.rounds ?? (values.quick ? '1' : '5'), 100),
    seconds: bounded('--seconds', values.seconds ?? (values.quick ? '1' : '4'), 60),
    cases: chosenCases(values.only),
    has: (program) => programs.has(program),
    note: (text) => notes.push(text),
  }
  // a short or partial run says too little to stand for this machine
  const isWhole = plan.rounds >= LEAST_ROUNDS && plan.cases.size === CASES.length
  if (values.write && !isWhole) throw new Error('--write takes all cases and five rounds or more')
  if (plan.has('npm')) installPeers()
  const { cases, failures } = await measureCases(plan)
  const result: BenchResult = {
    date: new Date().toISOString(),
    rounds: plan.rounds,
    secondsPerRound: plan.seconds,
    machine: describeMachine(programs),
    cases,
    targets: judgeTargets(cases),
    notes: [...notes, ...failures],
  }
  mkdirSync(RESULTS, { recursive: true })
  const file = isWhole && failures.length === 0 ? LATEST : join(RESULTS, 'partial.json')
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`)
  if (failures.length > 0) process.exitCode = 1
  return result
}

/** The latest whole run, judged anew. */
function readStored(): BenchResult {
  const stored = JSON.parse(readFileSync(LATEST, 'utf8')) as BenchResult
  return { ...stored, targets: judgeTargets(stored.cases) }
}

/** A name without its last part stands for all that begin with it: `small`, `large`. */
function chosenCases(text: string): Set<string> {
  const chosen = new Set<string>()
  for (const name of text.split(',')) {
    const meant = CASES.filter((one) => one === name || one.startsWith(`${name}-`))
    if (meant.length === 0) throw new Error(`--only takes ${CASES.join()}`)
    for (const one of meant) chosen.add(one)
  }
  return chosen
}

function bounded(option: string, text: string, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new Error(`${option} is a whole number from 1 to ${max}`)
}
