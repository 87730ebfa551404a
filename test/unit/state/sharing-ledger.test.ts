import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  openDatabase,
  openDatabaseToRead,
  openMemoryDatabase,
} from '../../../src/state/database.ts'
import { type NetworkSighting, SharingLedger } from '../../../src/state/sharing-ledger.ts'
import { NOW } from '../../support/request-parts.ts'

const sighting = (network: string, more: Partial<NetworkSighting> = {}): NetworkSighting => ({
  link: 'k1/l1',
  network,
  country: 'DE',
  now: NOW,
  expires: NOW + 100,
  ...more,
})

it('gives the networks of one link, the latest last', () => {
  const ledger = new SharingLedger(openMemoryDatabase())
  ledger.record(sighting('b', { now: NOW + 1 }))
  ledger.record(sighting('a', { now: NOW + 2, country: undefined }))
  ledger.record(sighting('c', { link: 'k1/l2' }))
  expect(ledger.since('k1/l1', NOW)).toEqual([
    { network: 'b', country: 'DE' },
    { network: 'a', country: undefined },
  ])
  expect(ledger.since('k2/l1', NOW - 99)).toEqual([])
})

it('a network that comes again counts from then on', () => {
  const ledger = new SharingLedger(openMemoryDatabase())
  ledger.record(sighting('a'))
  expect(ledger.since('k1/l1', NOW)).toEqual([])
  ledger.record(sighting('a', { now: NOW + 5, country: 'FR' }))
  expect(ledger.since('k1/l1', NOW + 4)).toEqual([{ network: 'a', country: 'FR' }])
  expect(ledger.since('k1/l1', NOW + 5)).toEqual([])
})

it('keeps 64 networks of a link, the latest', () => {
  const ledger = new SharingLedger(openMemoryDatabase())
  for (let i = 0; i < 100; i++) ledger.record(sighting(`n${i}`, { now: NOW + i }))
  const kept = ledger.since('k1/l1', 0).map(({ network }) => network)
  expect(kept).toEqual(Array.from({ length: 64 }, (_, i) => `n${i + 36}`))
})

it('pruning drops what no policy asks for any more', () => {
  const ledger = new SharingLedger(openMemoryDatabase())
  ledger.record(sighting('short'))
  ledger.record(sighting('long'))
  // under another policy the same link has a longer window; its shorter one takes nothing back
  ledger.record(sighting('long', { expires: NOW + 1000 }))
  ledger.record(sighting('long', { now: NOW + 1, expires: NOW + 101 }))
  ledger.prune(NOW + 100)
  expect(ledger.since('k1/l1', 0)).toEqual([{ network: 'long', country: 'DE' }])
  ledger.prune(NOW + 1000)
  expect(ledger.since('k1/l1', 0)).toEqual([])
})

it('outlives the process, and can be read beside it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-sharing-'))
  try {
    const database = openDatabase(directory)
    new SharingLedger(database).record(sighting('a', { now: NOW + 1 }))
    const reader = openDatabaseToRead(directory)
    expect(new SharingLedger(reader).since('k1/l1', NOW)).toHaveLength(1)
    reader.close()
    database.exec('PRAGMA user_version = 1')
    database.close()
    expect(() => openDatabaseToRead(directory)).toThrow(/version 1, this build reads/)
    expect(new SharingLedger(openDatabaseToRead(join(directory, 'none'))).since('l', 0)).toEqual([])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
