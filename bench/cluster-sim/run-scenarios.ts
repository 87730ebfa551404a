import { Cluster, type ClusterSize } from './cluster.ts'
import { isWithin, type ScenarioResult } from './report.ts'
import { LIMITS, PROMISES, type Scenario, WITHOUT } from './scenarios.ts'

const GROUPS = [
  ['promised', PROMISES],
  ['not promised', LIMITS],
  ['without a part', WITHOUT],
] as const

/** Runs every scenario with the same seed. */
export function runScenarios(size: ClusterSize): ScenarioResult[] {
  return GROUPS.flatMap(([group, scenarios]) =>
    scenarios.map((scenario) => ({ group, ...runScenario(size, scenario) })),
  )
}

export function runScenario(size: ClusterSize, scenario: Scenario): Omit<ScenarioResult, 'group'> {
  const cluster = new Cluster(size, scenario.conditions)
  const figures = cluster.run()
  const { seconds } = cluster
  return { name: scenario.name, seconds, isKept: isWithin(scenario, figures), ...figures }
}
