import { randomUUID } from 'node:crypto'
import type {
  LiveView,
  LocalLiveView,
  NodeInfo,
  RunningDownload,
  RunningDownloads,
} from '../state/live-view.ts'
import type { Revocation } from '../state/revocation-index.ts'
import type { KeyedDownload } from './calls.ts'

/** The workers, as far as their downloads go. One that is gone or stuck answers nothing. */
export interface DownloadsOfWorkers {
  /** As they said last. */
  readonly count: number
  list(): Promise<readonly KeyedDownload[]>
  end(key: string, detail: string): Promise<number>
  /** The keys of those that ended. */
  endRevoked(revocation: Revocation): Promise<readonly string[]>
}

/** The downloads of the primary and of its workers, each once, however many of them send it. */
export class CrewLiveView implements LiveView {
  readonly #local: LocalLiveView
  readonly #workers: DownloadsOfWorkers
  /** A download has its id from when it is first seen until it ends. */
  #ids = new Map<string, string>()

  constructor(local: LocalLiveView, workers: DownloadsOfWorkers) {
    this.#local = local
    this.#workers = workers
  }

  get count(): number {
    return this.#local.count + this.#workers.count
  }

  async list(): Promise<RunningDownloads> {
    const byKey = await this.#byKey()
    const { downloads } = await this.#local.list()
    return { downloads: [...downloads, ...byKey.values()], unanswered: [], omitted: 0 }
  }

  async find(id: string): Promise<RunningDownload | undefined> {
    const { downloads } = await this.list()
    return downloads.find((download) => download.id === id)
  }

  async end(id: string, detail: string): Promise<boolean> {
    if (await this.#local.end(id, detail)) return true
    const [key] = [...this.#ids].find(([, known]) => known === id) ?? []
    return key !== undefined && (await this.#workers.end(key, detail)) > 0
  }

  async endRevoked(revocation: Revocation): Promise<number> {
    const keys = await this.#workers.endRevoked(revocation)
    return new Set(keys).size + (await this.#local.endRevoked(revocation))
  }

  nodes(): readonly NodeInfo[] {
    const [node] = this.#local.nodes()
    return [{ ...node, downloads: this.count }]
  }

  async #byKey(): Promise<ReadonlyMap<string, RunningDownload>> {
    const ids = new Map<string, string>()
    const byKey = new Map<string, RunningDownload>()
    for (const { key, ...part } of await this.#workers.list()) {
      const id = ids.get(key) ?? this.#ids.get(key) ?? randomUUID()
      ids.set(key, id)
      const other = byKey.get(key)
      byKey.set(key, other ? together(other, part) : { ...part, id })
    }
    this.#ids = ids
    return byKey
  }
}

function together(one: RunningDownload, other: RunningDownload): RunningDownload {
  return {
    ...one,
    startedAt: Math.min(one.startedAt, other.startedAt),
    connections: one.connections + other.connections,
    bytes: one.bytes + other.bytes,
    coverage: Math.max(one.coverage, other.coverage),
  }
}
