/**
 * Measures Sluice beside nginx, HAProxy and Express on this machine, in CPU seconds: docs/performance.md.
 *
 *   node bench/run.ts [--rounds 5] [--seconds 4] [--quick] [--only small,large,held]
 *   node bench/run.ts --profile
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureCases, type Plan } from './cases.ts'
import { installPeers } from './contenders/express.ts'
import { profileSluice } from './profile.ts'
import { describeMachine, findPrograms } from './programs.ts'
import { formatResult } from './report.ts'
import { judgeTargets } from './targets.ts'

const RESULTS = join(import.meta.dirname, 'results')
const CASES = ['small', 'large', 'held'] as const

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string', default: CASES.join() },
    quick: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
})

const programs = findPrograms()
if (values.profile) {
  process.stdout.write(await profileSluice())
} else {
  const notes: string[] = []
  const plan: Plan = {
    rounds: bounded('--rounds', values.rounds ?? (values.quick ? '1' : '5'), 100),
    seconds: bounded('--seconds', values.seconds ?? (values.quick ? '1' : '4'), 60),
    cases: chosenCases(values.only),
    has: (program) => programs.has(program),
    note: (text) => notes.push(text),
  }
  if (plan.has('npm')) installPeers()
  const cases = await measureCases(plan)
  const result = {
    date: new Date().toISOString(),
    rounds: plan.rounds,
    secondsPerRound: plan.seconds,
    machine: describeMachine(programs),
    cases,
    targets: judgeTargets(cases),
    notes,
  }
  // a short or partial run says too little to stand for this machine
  const isWhole = !values.quick && CASES.every((name) => plan.cases.has(name))
  const file = join(RESULTS, isWhole ? 'latest.json' : 'partial.json')
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(file, `${JSON.stringify(result, undefined, 2)}\n`)
  process.stdout.write(formatResult(result))
}
// servers that still run are stopped on exit
process.exit()

function chosenCases(text: string): Set<string> {
  const chosen = new Set(text.split(','))
  for (const name of chosen) {
    if (!(CASES as readonly string[]).includes(name))
      throw new Error(`--only takes ${CASES.join()}`)
  }
  return chosen
}

function bounded(option: string, text: string, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= max) return value
  throw new Error(`${option} is a whole number from 1 to ${max}`)
}
