import type { ClusterSize } from './cluster.ts'
import type { Figures } from './observer.ts'
import type { Scenario } from './scenarios.ts'

const GROUPS = ['promised', 'not promised', 'without a part'] as const

export interface ScenarioResult extends Figures {
  readonly group: (typeof GROUPS)[number]
  readonly name: string
  /** Simulated time. */
  readonly seconds: number
  readonly isKept: boolean
}

/** Whether what happened stays within what a scenario allows. */
export function isWithin(scenario: Scenario, figures: Figures): boolean {
  const isOverAllowed = figures.over === 0 || figures.longestOverMs <= scenario.mayBeOverMs
  if (scenario.mayBeOverMs === 0 && figures.over > 0) return false
  return isOverAllowed && figures.longestToFreeMs <= scenario.mustBeFreeMs
}

const HEADS = ['starts', 'full', 'unavail.', 'cut', 'over', 'over s', 'free s'] as const

/** The table that the program prints. */
export function formatCluster(size: ClusterSize, results: readonly ScenarioResult[]): string {
  const lines = [
    `${size.nodes} nodes, ${size.links} links, ${size.steps} steps each, seed ${size.seed}`,
  ]
  for (const group of GROUPS) {
    lines.push('', row(group, HEADS))
    for (const result of results.filter((candidate) => candidate.group === group)) {
      const { starts, refusedFull, refusedUnavailable, cut, over } = result
      const times = [result.longestOverMs, result.longestToFreeMs].map((ms) =>
        (ms / 1000).toFixed(2),
      )
      const cells = [starts, refusedFull, refusedUnavailable, cut, over].map(String)
      lines.push(row(result.name, [...cells, ...times]) + (result.isKept ? '' : '  BROKEN'))
    }
  }
  return `${lines.join('\n')}\n`
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(42) + cells.map((cell) => cell.padStart(10)).join('')
}
