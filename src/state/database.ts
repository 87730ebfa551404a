import { chmodSync, mkdirSync } from 'node:fs'
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

/** A database that ends with the process, for tools and tests. */
export function openMemoryDatabase(): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  migrate(database)
  return database
}

function migrate(database: DatabaseSync): void {
  const row = database.prepare('PRAGMA user_version').get()
  const version = Number(row?.['user_version'] ?? 0)
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

export function inTransaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
