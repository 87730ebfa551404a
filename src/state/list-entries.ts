import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'
import type { EntryFollower, EntryStore, ListEntry, ListEntryPage } from '../lists/list-entry.ts'

type Row = ReturnType<StatementSync['all']>[number]

const COLUMNS = 'id, list, cidr, note, added_by, added, expires'
const IS_LIVE = '(expires IS NULL OR expires > ?)'

/** The entries of lists that operators added, on the disk of one machine. A change is in force when its call returns. */
export class ListEntries implements EntryStore {
  readonly #put: StatementSync
  readonly #remove: StatementSync
  readonly #find: StatementSync
  readonly #page: StatementSync
  readonly #counts: StatementSync
  readonly #all: StatementSync
  readonly #prune: StatementSync
  #follower: EntryFollower | undefined

  constructor(database: DatabaseSync) {
    // a row that is replaced gets a new id, and so becomes the newest
    this.#put = database.prepare(
      `INSERT OR REPLACE INTO list_entry (list, cidr, note, added_by, added, expires)
       VALUES (?, ?, ?, ?, ?, ?)`,
    )
    this.#remove = database.prepare('DELETE FROM list_entry WHERE list = ? AND cidr = ?')
    this.#find = database.prepare(
      `SELECT ${COLUMNS} FROM list_entry WHERE list = ? AND cidr = ? AND ${IS_LIVE}`,
    )
    this.#page = database.prepare(
      `SELECT ${COLUMNS} FROM list_entry WHERE list = ? AND id < ? AND ${IS_LIVE}
       ORDER BY id DESC LIMIT ?`,
    )
    this.#counts = database.prepare(
      `SELECT list, count(*) AS entries FROM list_entry WHERE ${IS_LIVE} GROUP BY list`,
    )
    this.#all = database.prepare(`SELECT ${COLUMNS} FROM list_entry WHERE ${IS_LIVE}`)
    this.#prune = database.prepare('DELETE FROM list_entry WHERE expires <= ?')
  }

  follow(follower: EntryFollower, now: EpochSeconds): void {
    this.#follower = follower
    for (const row of this.#all.iterate(now)) follower.put(entryOf(row))
  }

  async put(entry: ListEntry): Promise<void> {
    const { list, cidr, note, addedBy, addedAt, expiresAt } = entry
    this.#put.run(list, cidr, note ?? null, addedBy, addedAt, expiresAt ?? null)
    this.#follower?.put(entry)
  }

  async remove(list: string, cidr: string): Promise<void> {
    this.#remove.run(list, cidr)
    this.#follower?.remove(list, cidr)
  }

  find(list: string, cidr: string, now: EpochSeconds): ListEntry | undefined {
    const row = this.#find.get(list, cidr, now)
    return row && entryOf(row)
  }

  page(list: string, after: number | undefined, limit: number, now: EpochSeconds): ListEntryPage {
    const rows = this.#page.all(list, after ?? Number.MAX_SAFE_INTEGER, now, limit + 1)
    const shown = rows.slice(0, limit)
    const next = rows.length > limit ? Number(shown.at(-1)?.['id']) : undefined
    return { entries: shown.map(entryOf), next }
  }

  counts(now: EpochSeconds): ReadonlyMap<string, number> {
    const rows = this.#counts.all(now)
    return new Map(rows.map((row) => [String(row['list']), Number(row['entries'])]))
  }

  prune(now: EpochSeconds): void {
    this.#prune.run(now)
  }
}

function entryOf(row: Row): ListEntry {
  const { note, expires } = row
  return {
    list: String(row['list']),
    cidr: String(row['cidr']),
    note: note === null ? undefined : String(note),
    addedBy: String(row['added_by']),
    addedAt: Number(row['added']),
    expiresAt: expires === null ? undefined : Number(expires),
  }
}
