/** Figures of one thing over all rounds. */
export interface Series {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly values: readonly number[]
}

export function seriesOf(values: readonly number[]): Series {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? NaN) : upper
  return {
    median: (lower + upper) / 2,
    min: sorted[0] ?? NaN,
    max: sorted.at(-1) ?? NaN,
    values,
  }
}

/** One measured row of a case. */
export interface Row {
  readonly name: string
  readonly series: Series
}

/** What was measured in one setting: rows that may be compared. */
export interface CaseResult {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'higher' | 'lower'
  readonly rows: readonly Row[]
}

/** A way to get one figure of one row, once a round. */
export interface Probe {
  readonly name: string
  readonly measure: () => Promise<number>
}

/** Interleaves the rounds, so that a slow minute of the machine meets all rows alike. */
export async function measureRounds(probes: readonly Probe[], rounds: number): Promise<Row[]> {
  const values = probes.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, { name, measure }] of probes.entries()) {
      try {
        values[i]?.push(await measure())
      } catch (error) {
        throw new Error(`${name}, round ${round + 1}`, { cause: error })
      }
    }
  }
  return probes.map(({ name }, i) => ({ name, series: seriesOf(values[i] ?? []) }))
}
