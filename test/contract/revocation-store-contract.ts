import { describe, expect } from 'vitest'
import type { Revocation } from '../../src/state/revocation-index.ts'
import { RevocationList, type RevocationStore } from '../../src/state/revocations.ts'
import { NOW } from '../support/request-parts.ts'
import type { DefineTest } from '../support/programs.ts'

const LINK = { linkId: 'l1', kid: 'k1', subject: 'alice', tag: 't1', issuedAt: NOW - 10 }
const PATH = '/files/a/b.mp4'

/** What every store of revocations promises. `open` gives another store over what the first one kept. */
export function revocationStoreContract(
  name: string,
  make: () => Promise<{ readonly open: () => Promise<RevocationStore> }>,
  it: DefineTest,
): void {
  describe(`${name} keeps the contract of revocation stores`, () => {
    it('tells what is kept and each change, by the time the promise resolves', async () => {
      const { open } = await make()
      const list = new RevocationList(await open())
      const one = await list.add({ link_id: 'l1' }, NOW)
      const two = await list.add({ kid: 'k1', note: 'ünïcode "\\ 🎬' }, NOW + 1)
      expect(list.list()).toEqual([one, two])
      expect(list.get(one.id)).toEqual({ id: one.id, created_at: NOW, link_id: 'l1' })
      expect(list.find(LINK, PATH)).toBe(one.id)
      expect(await list.remove(one.id)).toBe(true)
      expect(list.find(LINK, PATH)).toBe(two.id)
      expect(await list.remove(two.id)).toBe(true)
      expect([list.find(LINK, PATH), list.get(two.id), list.list()]).toEqual([
        undefined,
        undefined,
        [],
      ])
    })

    it('has nothing to remove twice', async () => {
      const { open } = await make()
      const list = new RevocationList(await open())
      const { id } = await list.add({ link_id: 'l1' }, NOW)
      expect([await list.remove(id), await list.remove(id)]).toEqual([true, false])
      expect(await list.remove('unknown')).toBe(false)
    })

    it('what was added is there for who opens it next, what was removed is not', async () => {
      const { open } = await make()
      const list = new RevocationList(await open())
      const kept = await list.add({ path: '/files/*', issued_before: NOW }, NOW)
      const gone = await list.add({ link_id: 'l1' }, NOW)
      await list.remove(gone.id)
      const reopened = new RevocationList(await open())
      expect(reopened.list()).toEqual([kept])
      expect(reopened.find(LINK, PATH)).toBe(kept.id)
    })

    it('withdraws without anybody waiting', async () => {
      const { open } = await make()
      const store = await open()
      const list = new RevocationList(store)
      list.withdraw({ subject: 'alice' }, NOW)
      await expect.poll(() => list.find(LINK, PATH)).toBeDefined()
    })

    it('many are there again, in the order of their time', async () => {
      const { open } = await make()
      const store = await open()
      const all = Array.from({ length: 1500 }, (_, i): Revocation => {
        return { id: `r${i}`, created_at: NOW + i, link_id: `l${i}` }
      })
      new RevocationList(store)
      await Promise.all(all.toReversed().map((revocation) => store.put(revocation)))
      expect(new RevocationList(await open()).list()).toEqual(all)
    })
  })
}
