import { beforeAll, describe, expect, it } from 'vitest'
import {
  type AbuseFigures,
  abuseFigures,
  type HonestFigures,
  honestFigures,
} from '../../../bench/fraud/figures.ts'
import { RECOMMENDED } from '../../../bench/fraud/settings.ts'
import { simulate } from '../../../bench/fraud/simulate.ts'
import { buildWorld } from '../../../bench/fraud/world.ts'

describe('a week of honest users and abusers before the default policy, with ASN data', () => {
  let honest: readonly HonestFigures[]
  let abuse: readonly AbuseFigures[]
  const kind = (name: string): AbuseFigures => abuse.find((row) => row.kind === name)!

  beforeAll(async () => {
    const world = buildWorld({ users: 1500, cases: 30, seed: 7 })
    const outcomes = await simulate(world, RECOMMENDED)
    honest = honestFigures(outcomes)
    abuse = abuseFigures(outcomes)
  }, 120_000)

  it('refuses next to no honest user', () => {
    const all = honest.at(-1)!
    expect(all.users).toBeGreaterThan(1490)
    expect(all.refusedUsers, JSON.stringify(all.reasons)).toBeLessThanOrEqual(all.users * 0.004)
  })

  it('stops a posted link within its first 50 downloads', () => {
    const { cases, caughtSoon, through } = kind('posted link')
    expect(cases).toBe(30)
    expect(caughtSoon).toBeGreaterThanOrEqual(cases * 0.9)
    expect(through).toBeLessThan(0.5)
  })

  it('lets no download through Tor', () => {
    expect(kind('through Tor')).toMatchObject({ caught: 30, through: 0 })
  })

  it('gives a leech no more connections to a machine than a download may have', () => {
    const { caught, cases, through } = kind('parallel leech')
    expect(caught).toBe(cases)
    expect(through).toBeLessThan(0.7)
  })
})

it('repeats the same world for the same seed, and another for another', () => {
  const clients = (seed: number): string[] =>
    buildWorld({ users: 20, cases: 1, seed }).attempts.map(({ client }) => client.text)
  expect(clients(1)).toEqual(clients(1))
  expect(clients(2)).not.toEqual(clients(1))
})
