import { randomUUID } from 'node:crypto'
import type { EndedBy } from './access-record.ts'

/** One connection of a download that runs now. */
export interface LiveConnection {
  /** Body bytes of this connection so far. */
  readonly bytes: number
  /** Cuts the connection. */
  end(by: EndedBy, detail: string): void
}

/** What is known of a download when it begins. */
export interface LiveDownloadFacts {
  /** Names the download: the same for all of its connections. */
  readonly key: string
  readonly linkId: string
  readonly kid: string
  readonly scheme: string
  readonly subject: string | undefined
  readonly tag: string | undefined
  readonly issuedAt: number | undefined
  readonly path: string
  readonly client: string
  readonly size: number | undefined
}

/** A download that runs now, with its open connections. */
export interface LiveDownload {
  readonly id: string
  readonly facts: LiveDownloadFacts
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly connections: ReadonlySet<LiveConnection>
  /** Share of the object's unique bytes, 0 to 1. */
  readonly coverage: () => number
}

class Entry implements LiveDownload {
  readonly facts: LiveDownloadFacts
  readonly startedAt: number
  readonly coverage: () => number
  readonly connections = new Set<LiveConnection>()
  #id: string | undefined

  constructor(facts: LiveDownloadFacts, startedAt: number, coverage: () => number) {
    this.facts = facts
    this.startedAt = startedAt
    this.coverage = coverage
  }

  /** Made when somebody asks: most downloads end unseen. */
  get id(): string {
    this.#id ??= randomUUID()
    return this.#id
  }
}

/** All downloads that run now in this process. */
export class LiveDownloads {
  readonly #byKey = new Map<string, Entry>()

  get count(): number {
    return this.#byKey.size
  }

  /** Joins a connection to its download; the returned function takes it out again. */
  join(
    facts: LiveDownloadFacts,
    connection: LiveConnection,
    startedAt: number,
    coverage: () => number,
  ): () => void {
    let entry = this.#byKey.get(facts.key)
    if (!entry) {
      entry = new Entry(facts, startedAt, coverage)
      this.#byKey.set(facts.key, entry)
    }
    const joined = entry
    joined.connections.add(connection)
    return () => {
      joined.connections.delete(connection)
      if (joined.connections.size === 0 && this.#byKey.get(facts.key) === joined) {
        this.#byKey.delete(facts.key)
      }
    }
  }

  list(): readonly LiveDownload[] {
    return [...this.#byKey.values()]
  }

  /** Ends every connection of the downloads that fit; returns how many downloads that were. */
  end(fits: (download: LiveDownload) => boolean, detail: string): number {
    let ended = 0
    for (const download of this.list()) {
      if (!fits(download)) continue
      ended++
      for (const connection of download.connections) connection.end('gateway', detail)
    }
    return ended
  }
}
