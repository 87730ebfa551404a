import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  openDatabase,
  openDatabaseToRead,
  openMemoryDatabase,
} from '../../../src/state/database.ts'
import { SharingLedger } from '../../../src/state/sharing-ledger.ts'
import { describeSharingStore, sighting } from '../../contract/sharing-store-contract.ts'
import { NOW } from '../../support/request-parts.ts'

describeSharingStore('the embedded store', () => new SharingLedger(openMemoryDatabase()))

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-sharing-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

it('outlives the process, and can be read beside it', () => {
  const database = openDatabase(directory)
  new SharingLedger(database).record('link:a', sighting('a'), NOW + 1, 100)
  const reader = openDatabaseToRead(directory)
  expect(new SharingLedger(reader).sightings('link:a', NOW).networks).toHaveLength(1)
  reader.close()
  database.exec('PRAGMA user_version = 1')
  database.close()
  expect(() => openDatabaseToRead(directory)).toThrow(/version 1, this build reads/)
  const empty = new SharingLedger(openDatabaseToRead(join(directory, 'none')))
  expect(empty.sightings('link:a', 0).networks).toEqual([])
})

it('estimates of a process that was killed are those of its last second', () => {
  const database = openDatabase(directory)
  const ledger = new SharingLedger(database)
  for (let i = 0; i < 1000; i++) {
    ledger.record('link:a', sighting(`10.0.${i}.0/24`), NOW + Math.floor(i / 100), 800)
  }
  ledger.record('link:a', sighting('192.0.2.0/24'), NOW + 10, 800)
  database.close()
  const again = openDatabase(directory)
  const { estimates } = new SharingLedger(again).sightings('link:a', NOW - 1)
  again.close()
  expect(Math.abs((estimates?.networks ?? 0) - 1001)).toBeLessThan(50)
})

it('reads no more rows than those of a key, and prunes by index', () => {
  const database = openMemoryDatabase()
  const statements: string[] = []
  const listening = new Proxy(database, {
    get: (target, name) => {
      if (name !== 'prepare') return Reflect.get(target, name)
      return (sql: string) => {
        statements.push(sql)
        return target.prepare(sql)
      }
    },
  })
  new SharingLedger(listening)
  expect(statements.length).toBeGreaterThan(10)
  const scans = statements.flatMap((sql) =>
    database
      .prepare(`EXPLAIN QUERY PLAN ${sql.replaceAll(/\?\d?/g, '1')}`)
      .all()
      .map(({ detail }) => String(detail))
      .filter((detail) => detail.startsWith('SCAN sharing_')),
  )
  expect(scans).toEqual([])
})
