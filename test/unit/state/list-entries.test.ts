import { beforeEach, describe, expect, it } from 'vitest'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import type { ListEntry } from '../../../src/lists/list-entry.ts'
import { ListEntries } from '../../../src/state/list-entries.ts'

const entry = (cidr: string, more: Partial<ListEntry> = {}): ListEntry => ({
  list: 'pirates',
  cidr,
  note: undefined,
  addedBy: 'ops',
  addedAt: 100,
  expiresAt: undefined,
  ...more,
})

let entries: ListEntries
beforeEach(() => {
  entries = new ListEntries(openMemoryDatabase())
})

describe('the entries in the state', () => {
  it('are read as they were written', () => {
    const full = entry('192.0.2.1', { note: 'abuse', expiresAt: 200 })
    entries.put(full)
    entries.put(entry('2001:db8::/64'))
    expect(entries.find('pirates', '192.0.2.1', 150)).toEqual(full)
    expect([...entries.all(150)]).toEqual(expect.arrayContaining([full, entry('2001:db8::/64')]))
  })

  it('of one network are one, and the last is the newest', () => {
    entries.put(entry('192.0.2.1'))
    entries.put(entry('192.0.2.2'))
    entries.put(entry('192.0.2.1', { note: 'again' }))
    const { entries: shown } = entries.page('pirates', undefined, 10, 100)
    expect(shown.map(({ cidr, note }) => [cidr, note])).toEqual([
      ['192.0.2.1', 'again'],
      ['192.0.2.2', undefined],
    ])
  })

  it('come in pages without a gap, whatever is added or removed meanwhile', () => {
    for (let i = 1; i <= 5; i++) entries.put(entry(`192.0.2.${i}`))
    const first = entries.page('pirates', undefined, 2, 100)
    entries.put(entry('192.0.2.6'))
    entries.remove('pirates', '192.0.2.4')
    const second = entries.page('pirates', first.next, 2, 100)
    const third = entries.page('pirates', second.next, 2, 100)
    const cidrs = [first, second, third].map((page) => page.entries.map(({ cidr }) => cidr.at(-1)))
    expect(cidrs).toEqual([['5', '4'], ['3', '2'], ['1']])
    expect(third.next).toBeUndefined()
  })

  it('that are over are neither found nor counted, and pruning drops them', () => {
    entries.put(entry('192.0.2.1', { expiresAt: 200 }))
    entries.put(entry('192.0.2.2'))
    entries.put(entry('192.0.2.3', { list: 'others' }))
    expect(entries.counts(199)).toEqual(
      new Map([
        ['pirates', 2],
        ['others', 1],
      ]),
    )
    expect(entries.counts(200)).toEqual(
      new Map([
        ['pirates', 1],
        ['others', 1],
      ]),
    )
    expect(entries.find('pirates', '192.0.2.1', 200)).toBeUndefined()
    expect(entries.page('pirates', undefined, 10, 200).entries).toHaveLength(1)
    entries.prune(200)
    expect([...entries.all(0)].map(({ cidr }) => cidr)).toEqual(['192.0.2.2', '192.0.2.3'])
  })
})
