import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Address, parseAddress } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { ByteIntervals } from '../base/intervals.ts'
import { inTransaction } from './database.ts'

/** What makes requests one download: the same link, object and client. */
export interface DownloadKey {
  readonly link: string
  readonly object: string
  readonly client: string
}

/** A download as far as it is known. */
export interface KnownDownload {
  readonly etag: string
  readonly size: number
  readonly startedAt: EpochSeconds
  readonly intervals: ByteIntervals
  /** Its use is counted. */
  readonly used: boolean
}

/** When and how the use of a link is spent. */
export interface UseTerms {
  readonly max: number
  readonly coverage: number
}

export interface BeginDownload {
  readonly key: DownloadKey
  /** Empty when the origin gives none. */
  readonly etag: string
  /** 0 when the origin does not say: then any byte is the whole. */
  readonly size: number
  readonly now: EpochSeconds
  /** When nobody asks for this download any more: the link's end and all grace. */
  readonly expires: EpochSeconds
  readonly uses: UseTerms | undefined
  /** Whether the request may go on with an earlier one: it asks for a range. */
  readonly mayResume: boolean
}

/**
 * Which bytes of which object went to whom by which link, what use of a link that was, and where a link
 * was used first. Open downloads live in memory; what must outlive the process is in SQLite: a use
 * before the byte that makes it is sent, unfinished downloads when they pause and once a second.
 */
export class DownloadLedger {
  readonly #database: DatabaseSync
  readonly #open = new Map<string, OpenDownload>()
  /** Open downloads of links with limited uses, by link. */
  readonly #limited = new Map<string, Set<OpenDownload>>()
  readonly #dirty = new Set<OpenDownload>()
  readonly #statements: Record<
    'find' | 'save' | 'drop' | 'used' | 'use' | 'pin' | 'pinned',
    StatementSync
  >

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#statements = {
      find: database.prepare(
        'SELECT etag, size, started, intervals, used FROM download WHERE link = ? AND object = ? AND client = ?',
      ),
      save: database.prepare(
        'INSERT OR REPLACE INTO download (link, object, client, etag, size, started, intervals, used, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ),
      drop: database.prepare('DELETE FROM download WHERE link = ? AND object = ? AND client = ?'),
      used: database.prepare('SELECT used FROM link_use WHERE link = ?'),
      use: database.prepare(
        'INSERT INTO link_use (link, used, expires) VALUES (?, 1, ?) ON CONFLICT (link) DO UPDATE SET used = used + 1',
      ),
      pin: database.prepare(
        'INSERT OR IGNORE INTO first_address (link, address, expires) VALUES (?, ?, ?)',
      ),
      pinned: database.prepare('SELECT address FROM first_address WHERE link = ?'),
    }
  }

  /** What is known of a download, open or paused. */
  find(key: DownloadKey): KnownDownload | undefined {
    const open = this.#open.get(keyText(key))
    if (open) return open
    const row = this.#statements.find.get(key.link, key.object, key.client)
    if (!row) return undefined
    return {
      etag: String(row['etag']),
      size: Number(row['size']),
      startedAt: Number(row['started']),
      intervals: new ByteIntervals(JSON.parse(String(row['intervals'])) as number[]),
      used: row['used'] === 1,
    }
  }

  /** Uses of a link that are spent. */
  spent(link: string): number {
    return Number(this.#statements.used.get(link)?.['used'] ?? 0)
  }

  /** Open downloads of the link whose use is not spent yet, other than the one named. */
  reserved(link: string, except: DownloadKey): number {
    let reserved = 0
    for (const open of this.#limited.get(link) ?? []) {
      if (!open.used && open.text !== keyText(except)) reserved++
    }
    return reserved
  }

  firstAddress(link: string): Address | undefined {
    const row = this.#statements.pinned.get(link)
    return row && parseAddress(String(row['address']))
  }

  /** Pins a link to its first address, and returns the one that was first. */
  pin(link: string, address: Address, expires: EpochSeconds): Address {
    this.#statements.pin.run(link, address.text, expires)
    return this.firstAddress(link) ?? address
  }

  /** Joins or opens a download. An object that changed since (another ETag or size) begins anew. */
  begin(begin: BeginDownload): OpenDownload {
    const text = keyText(begin.key)
    const open = this.#open.get(text)
    if (open?.isOf(begin)) {
      open.holders++
      return open
    }
    const known = begin.uses || begin.mayResume ? this.find(begin.key) : undefined
    const same = known && known.etag === begin.etag && known.size === begin.size
    const fresh = new OpenDownload(this, text, begin, same ? known : undefined)
    this.#open.set(text, fresh)
    if (begin.uses) {
      const link = begin.key.link
      let downloads = this.#limited.get(link)
      if (!downloads) this.#limited.set(link, (downloads = new Set()))
      downloads.add(fresh)
    }
    this.#dirty.add(fresh)
    return fresh
  }

  /** Counts a use, durably, together with the bytes that made it. */
  spend(download: OpenDownload): void {
    inTransaction(this.#database, () => {
      this.#statements.use.run(download.key.link, download.expires)
      this.#save(download)
    })
  }

  /** The last connection of a download is gone. */
  settle(download: OpenDownload): void {
    const isCurrent = this.#open.get(download.text) === download
    if (isCurrent) this.#open.delete(download.text)
    this.#dirty.delete(download)
    const downloads = this.#limited.get(download.key.link)
    downloads?.delete(download)
    if (downloads?.size === 0) this.#limited.delete(download.key.link)
    // the object changed meanwhile: what is kept is of the new one
    if (!isCurrent) return
    // without an ETag nobody could tell that a resume is of the same object
    if (download.uses || (!download.isComplete && download.etag !== '')) this.#save(download)
    else if (download.isSaved) this.#drop(download.key)
  }

  /** Writes open downloads that were not written since they began or, with limited uses, since they grew. */
  checkpoint(): void {
    if (this.#dirty.size === 0) return
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    inTransaction(this.#database, () => {
      for (const download of dirty) this.#save(download)
    })
  }

  markDirty(download: OpenDownload): void {
    this.#dirty.add(download)
  }

  #save(download: OpenDownload): void {
    const { key, etag, size, startedAt, intervals, used, expires } = download
    download.isSaved = true
    this.#statements.save.run(
      key.link,
      key.object,
      key.client,
      etag,
      size,
      startedAt,
      JSON.stringify(intervals.edges),
      used ? 1 : 0,
      expires,
    )
  }

  #drop(key: DownloadKey): void {
    this.#statements.drop.run(key.link, key.object, key.client)
  }

  prune(now: EpochSeconds): void {
    for (const table of ['download', 'link_use', 'first_address']) {
      this.#database.prepare(`DELETE FROM ${table} WHERE expires <= ?`).run(now)
    }
  }
}

/** A download with at least one open connection; its connections share it. */
export class OpenDownload implements KnownDownload {
  readonly key: DownloadKey
  readonly text: string
  readonly etag: string
  readonly size: number
  readonly startedAt: EpochSeconds
  readonly expires: EpochSeconds
  readonly intervals: ByteIntervals
  readonly uses: UseTerms | undefined
  holders = 1
  used: boolean
  isSaved: boolean
  readonly #ledger: DownloadLedger

  constructor(
    ledger: DownloadLedger,
    text: string,
    begin: BeginDownload,
    known: KnownDownload | undefined,
  ) {
    this.#ledger = ledger
    this.text = text
    this.key = begin.key
    this.etag = begin.etag
    this.size = begin.size
    this.expires = begin.expires
    this.uses = begin.uses
    this.startedAt = known?.startedAt ?? begin.now
    this.intervals = new ByteIntervals(known?.intervals.edges)
    this.used = known?.used ?? false
    this.isSaved = known !== undefined
  }

  isOf(begin: BeginDownload): boolean {
    return this.etag === begin.etag && this.size === begin.size
  }

  get isComplete(): boolean {
    return this.intervals.covered >= this.size
  }

  /** Share of the object's bytes that this download got, 0 to 1. */
  get coverage(): number {
    return this.size === 0 ? 1 : this.intervals.covered / this.size
  }

  /** Counts bytes that are about to be sent. The use that they make is durable before this returns. */
  count(start: number, end: number): undefined {
    this.intervals.add(start, end)
    if (!this.uses) return undefined
    if (!this.used && this.coverage >= this.uses.coverage) {
      this.used = true
      this.#ledger.spend(this)
    } else this.#ledger.markDirty(this)
    return undefined
  }

  /** One connection is gone. */
  leave(): void {
    if (--this.holders === 0) this.#ledger.settle(this)
  }
}

/** One text for a download, also for those that watch it. */
export function keyText(key: DownloadKey): string {
  return `${key.link}\n${key.object}\n${key.client}`
}
