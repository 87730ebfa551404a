import type { Metric, Registry } from 'prom-client'

/** Durations counted in buckets, as a Prometheus histogram has them. */
export class Times {
  /** Upper bounds in seconds, ascending. */
  readonly bounds: readonly number[]
  /** By bucket, not cumulative; the last one has no bound. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  add(seconds: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && seconds > (this.bounds[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seconds
  }
}

/** Shows times as a histogram. The library's own takes microseconds for each observation. */
export function registerTimes(
  registry: Registry,
  { name, help, times }: { readonly name: string; readonly help: string; readonly times: Times },
): void {
  const histogram = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: () => {
      let total = 0
      const values: object[] = [...times.bounds, '+Inf'].map((le, bucket) => {
        total += times.counts[bucket] ?? 0
        return { metricName: `${name}_bucket`, labels: { le }, value: total }
      })
      values.push(
        { metricName: `${name}_sum`, labels: {}, value: times.sum },
        { metricName: `${name}_count`, labels: {}, value: total },
      )
      return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values })
    },
    reset() {
      times.counts.fill(0)
      times.sum = 0
    },
  }
  registry.registerMetric(histogram as unknown as Metric)
}
