import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { AccessRecord, RecordSink } from './access-record.ts'
import { RequestCounts } from './request-counts.ts'
import { registerTimes, Times } from './times.ts'

/** What gauges read at the moment they are asked. */
export interface MetricSources {
  readonly openDownloads: () => number
  readonly heldLeases: () => number
  readonly configHash: () => string
  readonly lists: () => Iterable<{
    readonly name: string
    readonly entries: number
    /** Milliseconds since the epoch: when it was last known to be current. Null without data. */
    readonly refreshed_at: number | null
    readonly error: string | null
  }>
  /** The JWK Sets that others publish: seconds since the last good answer, and its keys. */
  readonly keySets: () => Iterable<{
    readonly name: string
    readonly age: number
    readonly count: number
  }>
  /** When each set of data about networks was made, by the setting that names it. */
  readonly networkDataBuilt: () => Iterable<readonly [data: string, made: Date]>
  /** Epoch milliseconds at which the certificate of the public port expires; undefined without TLS. */
  readonly certificateEnd: () => number | undefined
  /** Whether large bodies may be copied inside the kernel. */
  readonly kernelCopy?: () => boolean
  /** False while a shared state does not answer. */
  readonly stateIsUp: () => boolean
  /** Undefined where one process serves alone. */
  readonly workers: () => { readonly serving: number; readonly lost: number } | undefined
  readonly now: () => number
}

/**
 * Prometheus metrics. Labels are reason, policy, route, origin, kid and status class: never a URL, an
 * address or a link.
 */
export class Metrics implements RecordSink {
  readonly registry = new Registry()
  readonly #counts = new RequestCounts()
  readonly #firstByte = new Times([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30])

  constructor(sources: MetricSources) {
    const registers = [this.registry]
    const counts = this.#counts
    new Counter({
      name: 'sluice_requests_total',
      help: 'Requests on the public port by what was answered and why.',
      labelNames: ['route', 'origin', 'policy', 'status', 'decision', 'reason', 'observed'],
      registers,
      collect() {
        this.reset()
        for (const { labels, requests } of counts.answers()) this.inc(labels, requests)
      },
    })
    new Counter({
      name: 'sluice_body_bytes_total',
      help: 'Body bytes sent to clients.',
      labelNames: ['route', 'origin'],
      registers,
      collect() {
        this.reset()
        for (const { labels, bytes } of counts.answers()) {
          if (bytes > 0) this.inc({ route: labels.route, origin: labels.origin }, bytes)
        }
      },
    })
    new Counter({
      name: 'sluice_links_verified_total',
      help: 'Requests whose link was signed with the key, by kid.',
      labelNames: ['kid', 'scheme'],
      registers,
      collect() {
        this.reset()
        for (const { kid, scheme, requests } of counts.keys()) this.inc({ kid, scheme }, requests)
      },
    })
    registerTimes(this.registry, {
      name: 'sluice_first_byte_seconds',
      help: 'Time from the request to the first byte of the answer.',
      times: this.#firstByte,
    })
    gauge('sluice_downloads_open', 'Downloads that run now.', sources.openDownloads)
    gauge('sluice_leases_held', 'Connections that hold a lease.', sources.heldLeases)
    gauge('sluice_kernel_copy', '1 where large bodies are copied inside the kernel.', () =>
      sources.kernelCopy?.() ? 1 : 0,
    )
    gauge(
      'sluice_workers',
      'Worker processes that serve; 0 where one process serves alone.',
      () => {
        return sources.workers()?.serving ?? 0
      },
    )
    gauge('sluice_workers_lost', 'Worker processes that ended unbidden since the start.', () => {
      return sources.workers()?.lost ?? 0
    })
    gauge('sluice_state_up', '1 while the state answers, 0 while it does not.', () =>
      sources.stateIsUp() ? 1 : 0,
    )
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
      help: 'Seconds since the list in force was last known to be current.',
      labelNames: ['list'],
      registers,
      collect() {
        this.reset()
        for (const { name, refreshed_at } of sources.lists()) {
          if (refreshed_at !== null) this.set({ list: name }, (sources.now() - refreshed_at) / 1000)
        }
      },
    })
    new Gauge({
      name: 'sluice_list_entries',
      help: 'Entries of the list in force.',
      labelNames: ['list'],
      registers,
      collect() {
        this.reset()
        for (const { name, entries } of sources.lists()) this.set({ list: name }, entries)
      },
    })
    new Gauge({
      name: 'sluice_list_has_error',
      help: 'Whether the last look at the source of the list failed.',
      labelNames: ['list'],
      registers,
      collect() {
        this.reset()
        for (const { name, error } of sources.lists()) {
          this.set({ list: name }, error === null ? 0 : 1)
        }
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
    new Gauge({
      name: 'sluice_network_data_age_seconds',
      help: 'Seconds since the data about networks in force was made, by data.',
      labelNames: ['data'],
      registers,
      collect() {
        this.reset()
        for (const [data, made] of sources.networkDataBuilt()) {
          this.set({ data }, (sources.now() - made.getTime()) / 1000)
        }
      },
    })
    new Gauge({
      name: 'sluice_tls_certificate_expiry_seconds',
      help: 'Seconds until the certificate in force expires, or one of its chain; negative after that.',
      registers,
      collect() {
        this.reset()
        const end = sources.certificateEnd()
        if (end === undefined) this.remove()
        else this.set(Math.round((end - sources.now()) / 1000))
      },
    })
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
    this.#counts.add(record)
    if (record.first_byte_ms !== null) this.#firstByte.add(record.first_byte_ms / 1000)
  }

  /** Figures since the start. */
  get totals(): { requests: number; denied: number; bytes: number } {
    return this.#counts.totals
  }
}
