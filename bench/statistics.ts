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
  /** Whose rows they are: all ours where a setting grows; otherwise the first one, against its peers. */
  readonly ours?: 'all'
  readonly rows: readonly Row[]
}

/** A way to get one figure of one row, once a round. */
export interface Probe {
  readonly name: string
  readonly measure: () => Promise<number>
}

/** The same for several figures that one measurement yields together. */
export interface SeriesProbe {
  readonly name: string
  readonly measure: () => Promise<readonly number[]>
}

/**
 * How much more a row took than another, in percent: the median over the rounds, each compared within
 * itself, so that a slow minute of the machine counts for both.
 */
export function growthBetween(one: Row, other: Row): number {
  const ratios = other.series.values.map((value, i) => value / (one.series.values[i] ?? NaN))
  return (seriesOf(ratios).median - 1) * 100
}

/** Interleaves the rounds, so that a slow minute of the machine meets all rows alike. */
export async function measureRounds(probes: readonly Probe[], rounds: number): Promise<Row[]> {
  const single = probes.map(({ name, measure }) => ({
    name,
    measure: async () => [await measure()],
  }))
  return (await measureSeries(single, rounds))[0] ?? []
}

/** The rows of each figure, in the order in which a measurement yields them. */
export async function measureSeries(
  probes: readonly SeriesProbe[],
  rounds: number,
): Promise<Row[][]> {
  const results = probes.map((): (readonly number[])[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, { name, measure }] of probes.entries()) {
      try {
        results[i]?.push(await measure())
      } catch (error) {
        throw new Error(`${name}, round ${round + 1}`, { cause: error })
      }
    }
  }
  const figures = results[0]?.[0]?.length ?? 0
  return Array.from({ length: figures }, (_, figure) =>
    probes.map(({ name }, i) => ({
      name,
      series: seriesOf((results[i] ?? []).map((values) => values[figure] ?? NaN)),
    })),
  )
}
