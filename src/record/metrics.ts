import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AccessRecord, RecordSink } from './access-record.ts'

/** What gauges read at the moment they are asked. */
export interface MetricSources {
  readonly openDownloads: () => number
  readonly heldLeases: () => number
  readonly configHash: () => string
  /** Seconds since the newest version of each list was read. */
  readonly listAges: () => Iterable<readonly [name: string, seconds: number]>
  /** The JWK Sets that others publish: seconds since the last good answer, and its keys. */
  readonly keySets: () => Iterable<{
    readonly name: string
    readonly age: number
    readonly count: number
  }>
  /** Seconds since the country data in force was made. */
  readonly countryDataAge: () => number
}

/**
 * Prometheus metrics. Labels are reason, policy, route, origin, kid and status class: never a URL, an
 * address or a link.
 */
export class Metrics implements RecordSink {
  readonly registry = new Registry()
  readonly #requests: Counter
  readonly #bytes: Counter
  readonly #keys: Counter
  readonly #seconds: Histogram
  readonly #children = new Map<string, { requests: Counter.Internal; bytes: Counter.Internal }>()
  readonly #kids = new Map<string, Counter.Internal>()
  #total = 0
  #denied = 0
  #totalBytes = 0

  constructor(sources: MetricSources) {
    const registers = [this.registry]
    this.#requests = new Counter({
      name: 'sluice_requests_total',
      help: 'Requests on the public port by what was answered and why.',
      labelNames: ['route', 'origin', 'policy', 'status', 'decision', 'reason', 'observed'],
      registers,
    })
    this.#bytes = new Counter({
      name: 'sluice_body_bytes_total',
      help: 'Body bytes sent to clients.',
      labelNames: ['route', 'origin'],
      registers,
    })
    this.#keys = new Counter({
      name: 'sluice_links_verified_total',
      help: 'Requests whose link was signed with the key, by kid.',
      labelNames: ['kid', 'scheme'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'sluice_first_byte_seconds',
      help: 'Time from the request to the first byte of the answer.',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    })
    gauge('sluice_downloads_open', 'Downloads that run now.', sources.openDownloads)
    gauge('sluice_leases_held', 'Connections that hold a lease.', sources.heldLeases)
    new Gauge({
      name: 'sluice_config_info',
      help: 'Always 1; the label is a digest of the configuration in force.',
      labelNames: ['hash'],
      registers,
      collect() {
        this.reset()
        this.set({ hash: sources.configHash() }, 1)
      },
    })
    new Gauge({
      name: 'sluice_list_age_seconds',
      help: 'Seconds since the list in force was read.',
      labelNames: ['list'],
      registers,
      collect() {
        this.reset()
        for (const [list, seconds] of sources.listAges()) this.set({ list }, seconds)
      },
    })
    new Gauge({
      name: 'sluice_jwks_age_seconds',
      help: 'Seconds since the JWK Set last answered well.',
      labelNames: ['set'],
      registers,
      collect() {
        this.reset()
        for (const { name, age } of sources.keySets()) this.set({ set: name }, age)
      },
    })
    new Gauge({
      name: 'sluice_jwks_keys',
      help: 'Usable keys of the JWK Set.',
      labelNames: ['set'],
      registers,
      collect() {
        this.reset()
        for (const { name, count } of sources.keySets()) this.set({ set: name }, count)
      },
    })
    gauge(
      'sluice_country_data_age_seconds',
      'Seconds since the country data in force was made.',
      sources.countryDataAge,
    )
    collectDefaultMetrics({ register: this.registry })

    function gauge(name: string, help: string, read: () => number): void {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read())
        },
      })
    }
  }

  write(record: AccessRecord): void {
    this.#total++
    this.#totalBytes += record.bytes
    if (record.decision === 'deny') this.#denied++
    const route = record.route ?? ''
    const origin = record.origin ?? ''
    const labels = `${route}\n${origin}\n${record.status}\n${record.decision}\n${record.reason}\n${record.observed}`
    let child = this.#children.get(labels)
    if (!child) {
      child = {
        requests: this.#requests.labels({
          route,
          origin,
          policy: record.policy ?? '',
          status: String(record.status),
          decision: record.decision,
          reason: record.reason ?? '',
          observed: record.observed ?? '',
        }),
        bytes: this.#bytes.labels({ route, origin }),
      }
      this.#children.set(labels, child)
    }
    child.requests.inc()
    if (record.bytes > 0) child.bytes.inc(record.bytes)
    if (record.kid !== null) this.#countKey(record.kid, record.scheme ?? '')
    if (record.first_byte_ms !== null) this.#seconds.observe(record.first_byte_ms / 1000)
  }

  #countKey(kid: string, scheme: string): void {
    let child = this.#kids.get(kid)
    if (!child) this.#kids.set(kid, (child = this.#keys.labels({ kid, scheme })))
    child.inc()
  }

  /** Figures since the start. */
  get totals(): { requests: number; denied: number; bytes: number } {
    return { requests: this.#total, denied: this.#denied, bytes: this.#totalBytes }
  }
}
