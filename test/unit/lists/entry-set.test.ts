import type { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import { EntrySets } from '../../../src/lists/entry-set.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { ListEntries } from '../../../src/state/list-entries.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { address, NOW } from '../../support/request-parts.ts'

let database: DatabaseSync
let clock: FakeClock
let sets: EntrySets

beforeEach(() => {
  database = openMemoryDatabase()
  clock = new FakeClock(NOW)
  sets = open()
})

const open = (): EntrySets => new EntrySets(new ListEntries(database), clock)

const put = (cidr: string, expiresAt?: number, list = 'pirates') =>
  sets.put({
    list,
    network: parseNetwork(cidr)!,
    note: undefined,
    addedBy: 'ops',
    addedAt: NOW,
    expiresAt,
  })

const holds = (text: string, list = 'pirates'): boolean => sets.of(list).has(address(text))

describe('the entries of a list', () => {
  it('count at once in a set that was got before', async () => {
    const set = sets.of('pirates')
    await put('192.0.2.0/24')
    expect(set.has(address('192.0.2.200'))).toBe(true)
    await sets.remove('pirates', parseNetwork('192.0.2.77/24')!)
    expect(set.has(address('192.0.2.200'))).toBe(false)
  })

  it('count for no other list', async () => {
    await put('192.0.2.0/24')
    expect([holds('192.0.2.1'), holds('192.0.2.1', 'others')]).toEqual([true, false])
  })

  it('end by the clock alone', async () => {
    await put('2001:db8::/64', NOW + 60)
    clock.advance(59)
    expect(holds('2001:db8::9')).toBe(true)
    clock.advance(1)
    expect(holds('2001:db8::9')).toBe(false)
    expect(sets.find('pirates', parseNetwork('2001:db8::/64')!)).toBeUndefined()
    expect(sets.counts().get('pirates')).toBeUndefined()
  })

  it('take the end of the entry that replaced them', async () => {
    await put('192.0.2.1', NOW + 60)
    await put('192.0.2.1')
    clock.advance(61)
    sets.prune(NOW + 61)
    expect(holds('192.0.2.1')).toBe(true)
  })

  it('are there after a restart, without those that were removed or are over', async () => {
    await put('192.0.2.1')
    await put('192.0.2.2', NOW + 60)
    await put('192.0.2.3', NOW + 120)
    await put('192.0.2.4')
    await sets.remove('pirates', parseNetwork('192.0.2.4')!)
    clock.advance(60)
    sets = open()
    expect(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((ip) => holds(ip))).toEqual([
      true,
      false,
      true,
      false,
    ])
    clock.advance(60)
    expect(holds('192.0.2.3')).toBe(false)
  })

  it('are pruned from the state, too', async () => {
    await put('192.0.2.1', NOW + 60)
    await put('192.0.2.2')
    clock.advance(60)
    sets.prune(NOW + 60)
    expect(database.prepare('SELECT cidr FROM list_entry').all()).toEqual([{ cidr: '192.0.2.2' }])
  })

  it('may be very many', async () => {
    database.exec('BEGIN')
    for (let i = 0; i < 100_000; i++) await put(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    database.exec('COMMIT')
    expect(sets.counts().get('pirates')).toBe(100_000)
    sets = open()
    expect([holds('10.1.134.159'), holds('10.1.134.160')]).toEqual([true, false])
  })
})
