import { describe, expect } from 'vitest'
import type { EntryStore, ListEntry } from '../../src/lists/list-entry.ts'
import type { DefineTest } from '../support/programs.ts'

const entry = (cidr: string, more: Partial<ListEntry> = {}): ListEntry => ({
  list: 'pirates',
  cidr,
  note: undefined,
  addedBy: 'ops',
  addedAt: 100,
  expiresAt: undefined,
  ...more,
})

/** What every store of list entries promises. `open` gives another store over what the first one kept. */
export function entryStoreContract(
  name: string,
  make: () => Promise<{ readonly open: () => Promise<EntryStore> }>,
  it: DefineTest,
): void {
  describe(`${name} keeps the contract of entry stores`, () => {
    const told = (store: EntryStore, now: number): ListEntry[] => {
      const all = new Map<string, ListEntry>()
      store.follow(
        {
          put: (put) => all.set(`${put.list} ${put.cidr}`, put),
          remove: (list, cidr) => all.delete(`${list} ${cidr}`),
        },
        now,
      )
      return [...all.values()].toSorted((a, b) => (a.cidr < b.cidr ? -1 : 1))
    }

    it('are read as they were written', async () => {
      const { open } = await make()
      const entries = await open()
      const full = entry('192.0.2.1', { note: 'abuse "ü"', expiresAt: 200 })
      await entries.put(full)
      await entries.put(entry('2001:db8::/64'))
      expect(entries.find('pirates', '192.0.2.1', 150)).toEqual(full)
      expect(entries.find('others', '192.0.2.1', 150)).toBeUndefined()
      expect(told(await open(), 150)).toEqual([full, entry('2001:db8::/64')])
    })

    it('tells each change by the time its promise resolves', async () => {
      const entries = await (await make()).open()
      const heard: string[] = []
      entries.follow(
        {
          put: ({ list, cidr, note }) => heard.push(`${list} ${cidr} ${note}`),
          remove: (list, cidr) => heard.push(`${list} ${cidr} gone`),
        },
        100,
      )
      await entries.put(entry('192.0.2.1', { note: 'one' }))
      await entries.put(entry('192.0.2.1', { note: 'two' }))
      await entries.remove('pirates', '192.0.2.1')
      expect(heard).toEqual([
        'pirates 192.0.2.1 one',
        'pirates 192.0.2.1 two',
        'pirates 192.0.2.1 gone',
      ])
    })

    it('of one network are one, and the last is the newest', async () => {
      const entries = await (await make()).open()
      await entries.put(entry('192.0.2.1'))
      await entries.put(entry('192.0.2.2'))
      await entries.put(entry('192.0.2.1', { note: 'again' }))
      const { entries: shown } = entries.page('pirates', undefined, 10, 100)
      expect(shown.map(({ cidr, note }) => [cidr, note])).toEqual([
        ['192.0.2.1', 'again'],
        ['192.0.2.2', undefined],
      ])
    })

    it('come in pages without a gap, whatever is added or removed meanwhile', async () => {
      const entries = await (await make()).open()
      for (let i = 1; i <= 5; i++) await entries.put(entry(`192.0.2.${i}`))
      const first = entries.page('pirates', undefined, 2, 100)
      await entries.put(entry('192.0.2.6'))
      await entries.remove('pirates', '192.0.2.4')
      const second = entries.page('pirates', first.next, 2, 100)
      const third = entries.page('pirates', second.next, 2, 100)
      const cidrs = [first, second, third].map((page) =>
        page.entries.map(({ cidr }) => cidr.at(-1)),
      )
      expect(cidrs).toEqual([['5', '4'], ['3', '2'], ['1']])
      expect(third.next).toBeUndefined()
    })

    it('that are over are neither found nor counted, and pruning drops them', async () => {
      const { open } = await make()
      const entries = await open()
      await entries.put(entry('192.0.2.1', { expiresAt: 200 }))
      await entries.put(entry('192.0.2.2'))
      await entries.put(entry('192.0.2.3', { list: 'others' }))
      expect(Object.fromEntries(entries.counts(199))).toEqual({ pirates: 2, others: 1 })
      expect(Object.fromEntries(entries.counts(200))).toEqual({ pirates: 1, others: 1 })
      expect(entries.find('pirates', '192.0.2.1', 200)).toBeUndefined()
      expect(entries.page('pirates', undefined, 10, 200).entries).toHaveLength(1)
      entries.prune(200)
      await expect
        .poll(async () => told(await open(), 0).map(({ cidr }) => cidr))
        .toEqual(['192.0.2.2', '192.0.2.3'])
    })
  })
}
