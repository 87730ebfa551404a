import type { LiveDownload, LiveDownloadFacts, LiveDownloads } from '../record/live-downloads.ts'
import { type Revocation, revokes } from './revocation-index.ts'

/** What is shown of a download that runs now. */
export interface RunningDownload extends Omit<LiveDownloadFacts, 'key' | 'tag' | 'issuedAt'> {
  readonly id: string
  /** The id of the node that serves it. */
  readonly node: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly connections: number
  /** Sent over the connections that are open. */
  readonly bytes: number
  /** Share of the object's unique bytes, 0 to 1. */
  readonly coverage: number
}

/** A process of the gateway. */
export interface NodeInfo {
  readonly id: string
  readonly host: string
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Downloads that run there, as it said last. */
  readonly downloads: number
}

export interface RunningDownloads {
  readonly downloads: readonly RunningDownload[]
  /** Ids of nodes that did not say in time what runs there. */
  readonly unanswered: readonly string[]
  /** How many more run than are listed. */
  readonly omitted: number
}

/** The downloads that run now, and the nodes that serve them. */
export interface LiveView {
  /** How many run in this process. */
  readonly count: number
  list(): Promise<RunningDownloads>
  find(id: string): Promise<RunningDownload | undefined>
  /** Cuts every connection of a download; false when it does not run. */
  end(id: string, detail: string): Promise<boolean>
  /** Cuts what runs by links that the revocation withdraws; gives how many downloads that were. */
  endRevoked(revocation: Revocation): Promise<number>
  nodes(): readonly NodeInfo[]
}

/** The downloads of this process. */
export class LocalLiveView implements LiveView {
  readonly #live: LiveDownloads
  readonly #node: Omit<NodeInfo, 'downloads'>

  constructor(live: LiveDownloads, node: Omit<NodeInfo, 'downloads'>) {
    this.#live = live
    this.#node = node
  }

  get count(): number {
    return this.#live.count
  }

  async list(): Promise<RunningDownloads> {
    const downloads = this.#live.list().map((download) => runningDownload(download, this.#node.id))
    return { downloads, unanswered: [], omitted: 0 }
  }

  async find(id: string): Promise<RunningDownload | undefined> {
    const found = this.#live.list().find((download) => download.id === id)
    return found && runningDownload(found, this.#node.id)
  }

  async end(id: string, detail: string): Promise<boolean> {
    return this.#live.end((download) => download.id === id, detail) > 0
  }

  async endRevoked(revocation: Revocation): Promise<number> {
    return this.#live.end(
      ({ facts }) => revokes(revocation, facts, facts.path),
      `revocation ${revocation.id}`,
    )
  }

  nodes(): readonly [NodeInfo] {
    return [{ ...this.#node, downloads: this.#live.count }]
  }
}

/** A download of this process, as it is shown. */
export function runningDownload(
  { id, facts, startedAt, connections, coverage }: LiveDownload,
  node: string,
): RunningDownload {
  const { linkId, kid, scheme, subject, path, client, size } = facts
  const bytes = [...connections].reduce((sum, connection) => sum + connection.bytes, 0)
  return {
    id,
    node,
    linkId,
    kid,
    scheme,
    subject,
    path,
    client,
    size,
    startedAt,
    connections: connections.size,
    bytes,
    coverage: coverage(),
  }
}
