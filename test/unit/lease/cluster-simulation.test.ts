import { describe, expect, it } from 'vitest'
import { runScenario } from '../../../bench/cluster-sim/run-scenarios.ts'
import { LIMITS, PROMISES, WITHOUT } from '../../../bench/cluster-sim/scenarios.ts'

const SIZE = { nodes: 5, links: 200, steps: 120_000, seed: 11 }

describe('the lease protocol of many nodes', () => {
  it.each(PROMISES)('keeps the limit and frees places in time: $name', (scenario) => {
    const result = runScenario(SIZE, scenario)
    expect(result.starts).toBeGreaterThan(1000)
    expect(result.refusedFull).toBeGreaterThan(1000)
    expect(result, JSON.stringify(result)).toMatchObject({ isKept: true })
  })

  it.each(LIMITS)('breaks its limit no longer than is said: $name', (scenario) => {
    const result = runScenario(SIZE, scenario)
    expect(result, JSON.stringify(result)).toMatchObject({ isKept: true })
  })

  it.each(WITHOUT)('needs each of its parts: $name', (scenario) => {
    const { over, cut } = runScenario({ ...SIZE, steps: 400_000 }, scenario)
    expect(over + cut).toBeGreaterThan(0)
  })

  it('cuts next to no download where the state forgot the last writes', () => {
    const forgot = PROMISES.filter(({ name }) => name.endsWith('lost'))
    const asking = WITHOUT.filter(({ name }) => name.startsWith('asks for room'))
    const cuts = (scenarios: typeof forgot): number[] =>
      scenarios.map((scenario) => runScenario({ ...SIZE, steps: 400_000 }, scenario).cut)
    expect(forgot).toHaveLength(2)
    for (const [i, cut] of cuts(asking).entries()) {
      expect(cuts(forgot)[i], forgot[i]?.name).toBeLessThan(cut / 3)
    }
  })

  it('cuts no download where the state forgot everything', () => {
    const forgot = PROMISES.filter(({ name }) => /empty$|flushed$/.test(name))
    expect(forgot).toHaveLength(2)
    for (const scenario of forgot) expect(runScenario(SIZE, scenario).cut, scenario.name).toBe(0)
  })

  it('repeats the same run for the same seed', () => {
    const run = (seed: number): unknown =>
      runScenario({ ...SIZE, seed, steps: 20_000 }, PROMISES[1]!)
    expect(run(3)).toEqual(run(3))
    expect(run(4)).not.toEqual(run(3))
  })
})
