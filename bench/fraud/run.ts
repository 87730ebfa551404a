/**
 * Lets honest users and abusers of a synthetic world meet the gateway's own rules: docs/fraud-simulation.md.
 *
 *   node bench/fraud/run.ts [--users 20000] [--cases 200] [--seed 1]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { abuseFigures, honestFigures } from './figures.ts'
import { formatFraud, type SettingResult } from './report.ts'
import { SETTINGS } from './settings.ts'
import { simulate } from './simulate.ts'
import { buildWorld } from './world.ts'

const RESULTS = join(import.meta.dirname, '../results')

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '20000' },
    cases: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
  },
})

const size = {
  users: whole('--users', values.users),
  cases: whole('--cases', values.cases),
  seed: whole('--seed', values.seed),
}
const world = buildWorld(size)
const settings: SettingResult[] = []
for (const setting of SETTINGS) {
  const start = performance.now()
  const outcomes = await simulate(world, setting)
  const seconds = (performance.now() - start) / 1000
  settings.push({
    setting,
    seconds,
    honest: honestFigures(outcomes),
    abuse: abuseFigures(outcomes),
  })
}
const date = new Date().toISOString()
const result = { date, world: size, downloads: world.attempts.length, settings }
mkdirSync(RESULTS, { recursive: true })
writeFileSync(join(RESULTS, 'fraud.json'), `${JSON.stringify(result, undefined, 2)}\n`)
process.stdout.write(formatFraud(result))

function whole(option: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new Error(`${option} is a whole number of 1 or more`)
}
