import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inTransaction, openDatabase, openMemoryDatabase } from '../../../src/state/database.ts'

describe('the database', () => {
  let directory: string

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sluice-database-'))
  })

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true })
  })

  const tables = (database: DatabaseSync): unknown[] =>
    database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all()
      .map((row) => row['name'])

  it('is made with its folder, readable by its owner alone', () => {
    const folder = join(directory, 'a/b')
    openDatabase(folder).close()
    expect(statSync(join(folder, 'state.sqlite')).mode & 0o777).toBe(0o600)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
  })

  it('opened again is migrated once and keeps its rows', () => {
    const first = openDatabase(directory)
    first.prepare("INSERT INTO link_use VALUES ('l', 3, 9)").run()
    const schema = tables(first)
    first.close()
    const second = openDatabase(directory)
    expect(tables(second)).toEqual(schema)
    expect(second.prepare('SELECT used FROM link_use').get()).toEqual({ used: 3 })
    expect(second.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    second.close()
  })

  it('of an empty file is migrated', () => {
    writeFileSync(join(directory, 'state.sqlite'), '')
    const database = openDatabase(directory)
    expect(tables(database)).toEqual(tables(openMemoryDatabase()))
    database.close()
  })

  it.each<[string, (file: string) => void]>([
    [
      'a later version',
      (file) => {
        const database = new DatabaseSync(file)
        database.exec('PRAGMA user_version = 999')
        database.close()
      },
    ],
    [
      'no database',
      (file) => {
        writeFileSync(file, 'no database, but long enough to be read as one: '.repeat(100))
      },
    ],
    [
      'a folder',
      (file) => {
        mkdirSync(file)
      },
    ],
  ])('that is %s is refused as unavailable state, and left as it is', (_what, make) => {
    const file = join(directory, 'state.sqlite')
    make(file)
    const before = statSync(file).size
    expect(() => openDatabase(directory)).toThrow(
      expect.objectContaining({ code: 'ERR_STATE_UNAVAILABLE' }),
    )
    expect(statSync(file).size).toBe(before)
  })

  it('a transaction that throws leaves nothing', () => {
    const database = openMemoryDatabase()
    const insert = database.prepare('INSERT INTO link_use VALUES (?, 1, 1)')
    inTransaction(database, () => insert.run('kept'))
    expect(() =>
      inTransaction(database, () => {
        insert.run('lost')
        throw new Error('broken')
      }),
    ).toThrow('broken')
    expect(database.prepare('SELECT link FROM link_use').all()).toEqual([{ link: 'kept' }])
    inTransaction(database, () => insert.run('after'))
    expect(database.prepare('SELECT count(*) AS n FROM link_use').get()).toEqual({ n: 2 })
  })
})
