import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'
import type { EntryStore, ListEntry, ListEntryPage } from '../lists/list-entry.ts'

type Row = ReturnType<StatementSync['all']>[number]

const COLUMNS = 'id, list, cidr, note, added_by, added, expires'
const IS_LIVE = '(expires IS NULL OR expires > ?)'

/** The entries of lists that operators added, on disk. */
export class ListEntries implements EntryStore {
  readonly #put: StatementSync
  readonly #remove: StatementSync
  readonly #find: StatementSync
  readonly #page: StatementSync
  readonly #counts: StatementSync
  readonly #all: StatementSync
  readonly #prune: StatementSync

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

  put({ list, cidr, note, addedBy, addedAt, expiresAt }: ListEntry): void {
    this.#put.run(list, cidr, note ?? null, addedBy, addedAt, expiresAt ?? null)
  }

  remove(list: string, cidr: string): void {
    this.#remove.run(list, cidr)
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

  *all(now: EpochSeconds): Generator<ListEntry> {
    for (const row of this.#all.iterate(now)) yield entryOf(row)
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
