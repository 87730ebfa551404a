import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { GatewayError } from '../base/failure.ts'

/** Statements that bring a database from version N to N + 1. */
const MIGRATIONS = [
  `
  CREATE TABLE revocation (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, created INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE link_use (
    link TEXT PRIMARY KEY, used INTEGER NOT NULL, expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE first_address (
    link TEXT PRIMARY KEY, address TEXT NOT NULL, expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE download (
    link TEXT NOT NULL, object TEXT NOT NULL, client TEXT NOT NULL,
    etag TEXT NOT NULL, size INTEGER NOT NULL, started INTEGER NOT NULL,
    intervals TEXT NOT NULL, used INTEGER NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (link, object, client)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX download_expires ON download (expires);
  CREATE TABLE idempotency (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    created INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE asset (
    id TEXT PRIMARY KEY, object TEXT NOT NULL, pipeline TEXT, created INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX asset_object ON asset (object, pipeline);
  CREATE TABLE rendition (
    asset TEXT NOT NULL, format TEXT NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL,
    body TEXT NOT NULL, PRIMARY KEY (asset, format)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX rendition_status ON rendition (status, created);
  CREATE TABLE rendition_order (
    asset TEXT NOT NULL, format TEXT NOT NULL, holder TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (asset, format, holder)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE task (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX task_status ON task (status, created);
  `,
  `
  CREATE TABLE link_network (
    link TEXT NOT NULL, network TEXT NOT NULL, country TEXT NOT NULL, seen INTEGER NOT NULL,
    expires INTEGER NOT NULL, PRIMARY KEY (link, network)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX link_network_expires ON link_network (expires);
  `,
  `
  CREATE TABLE first_call (
    call TEXT PRIMARY KEY, at INTEGER NOT NULL, expires INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX first_call_expires ON first_call (expires);
  `,
  `
  CREATE TABLE list_entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, cidr TEXT NOT NULL, note TEXT,
    added_by TEXT NOT NULL, added INTEGER NOT NULL, expires INTEGER, UNIQUE (list, cidr)
  ) STRICT;
  CREATE INDEX list_entry_newest ON list_entry (list, id);
  CREATE INDEX list_entry_expires ON list_entry (expires);
  `,
  `
  CREATE TABLE sharing_network (
    counted TEXT NOT NULL, network TEXT NOT NULL, country TEXT NOT NULL, asn INTEGER,
    relay INTEGER NOT NULL, device TEXT NOT NULL, first INTEGER NOT NULL, seen INTEGER NOT NULL,
    expires INTEGER NOT NULL, PRIMARY KEY (counted, network)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sharing_network_expires ON sharing_network (expires);
  CREATE TABLE sharing_device (
    counted TEXT NOT NULL, device TEXT NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (counted, device)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sharing_device_expires ON sharing_device (expires);
  CREATE TABLE sharing_beyond (
    counted TEXT PRIMARY KEY, at INTEGER NOT NULL, expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE sharing_sketch (
    counted TEXT NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL, kind TEXT NOT NULL,
    sketch BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (counted, starts, ends, kind)
  ) STRICT;
  INSERT INTO sharing_network
    SELECT 'link:' || link, network, country, NULL, 0, 'none', seen, seen, expires FROM link_network;
  DROP TABLE link_network;
  `,
  `
  CREATE INDEX sharing_beyond_expires ON sharing_beyond (expires);
  CREATE INDEX sharing_sketch_expires ON sharing_sketch (expires);
  `,
]

/**
 * The embedded state: one SQLite file in write-ahead mode. A change is in the operating system's hands
 * when the statement returns, so killing the process loses none.
 */
export function openDatabase(directory: string): DatabaseSync {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const file = join(directory, 'state.sqlite')
    const database = new DatabaseSync(file, { timeout: 2000 })
    chmodSync(file, 0o600)
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
    migrate(database)
    return database
  } catch (cause) {
    throw new GatewayError('ERR_STATE_UNAVAILABLE', `cannot open the state in ${directory}`, {
      cause,
    })
  }
}

/** The state as a running gateway keeps it, read only; an empty one where none ever ran. */
export function openDatabaseToRead(directory: string): DatabaseSync {
  const file = join(directory, 'state.sqlite')
  if (!existsSync(file)) return openMemoryDatabase()
  const database = new DatabaseSync(file, { readOnly: true })
  const version = versionOf(database)
  if (version === MIGRATIONS.length) return database
  database.close()
  throw new GatewayError(
    'ERR_STATE_UNAVAILABLE',
    `the state in ${directory} is of version ${version}, this build reads ${MIGRATIONS.length}; a start of the gateway brings it up to date`,
  )
}

/** A database that ends with the process, for tools and tests. */
export function openMemoryDatabase(): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  migrate(database)
  return database
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
}

function migrate(database: DatabaseSync): void {
  const version = versionOf(database)
  if (version > MIGRATIONS.length) {
    throw new Error(`the state is of version ${version}, this build knows ${MIGRATIONS.length}`)
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    inTransaction(database, () => {
      database.exec(MIGRATIONS[next] ?? '')
      database.exec(`PRAGMA user_version = ${next + 1}`)
    })
  }
}

export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
