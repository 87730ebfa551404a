import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openDatabase, openMemoryDatabase } from '../../../src/state/database.ts'
import {
  type RevocableLink,
  RevocationList,
  type RevocationTarget,
} from '../../../src/state/revocations.ts'
import { NOW } from '../../support/request-parts.ts'

const LINK: RevocableLink = {
  linkId: 'l1',
  kid: 'k1',
  subject: 'alice',
  tag: 't1',
  issuedAt: NOW - 10,
}
const PATH = '/files/a/b.mp4'

function isRevoked(
  target: RevocationTarget,
  link: Partial<RevocableLink> = {},
  path = PATH,
): boolean {
  const list = new RevocationList(openMemoryDatabase())
  const { id } = list.add(target, NOW)
  const found = list.find({ ...LINK, ...link }, path)
  expect([id, undefined]).toContain(found)
  return found === id
}

describe('a revocation withdraws', () => {
  it.each<[string, RevocationTarget, Partial<RevocableLink>, string, boolean]>([
    ['the link of the id', { link_id: 'l1' }, {}, PATH, true],
    ['no other id', { link_id: 'l2' }, {}, PATH, false],
    ['links of the subject', { subject: 'alice' }, {}, PATH, true],
    ['no other subject', { subject: 'bob' }, {}, PATH, false],
    ['no link without a subject', { subject: 'alice' }, { subject: undefined }, PATH, false],
    ['links of the tag', { tag: 't1' }, {}, PATH, true],
    ['no link without a tag', { tag: 't1' }, { tag: undefined }, PATH, false],
    ['links of the key', { kid: 'k1' }, {}, PATH, true],
    ['no other key', { kid: 'k2' }, {}, PATH, false],
    ['links to the path', { path: PATH }, {}, PATH, true],
    ['no path that begins like it', { path: PATH }, {}, `${PATH}x`, false],
    ['paths below a prefix', { path: '/files/a/*' }, {}, PATH, true],
    ['not the folder itself', { path: '/files/a/*' }, {}, '/files/a', false],
    ['no path beside a prefix', { path: '/files/a/*' }, {}, '/files/ab', false],
    ['everything', { path: '/*' }, {}, PATH, true],
    ['links issued before', { issued_before: NOW - 9 }, {}, PATH, true],
    ['not the second itself', { issued_before: NOW - 10 }, {}, PATH, false],
    ['no link issued after', { issued_before: NOW - 11 }, {}, PATH, false],
    [
      'links that do not say when they were issued',
      { issued_before: NOW },
      { issuedAt: undefined },
      PATH,
      true,
    ],
  ])('%s', (_what, target, link, path, expected) => {
    expect(isRevoked(target, link, path)).toBe(expected)
  })

  const members = {
    link_id: 'l1',
    subject: 'alice',
    tag: 't1',
    kid: 'k1',
    path: PATH,
    issued_before: NOW,
  } as const
  const others = {
    link_id: 'l2',
    subject: 'bob',
    tag: 't2',
    kid: 'k2',
    path: '/x',
    issued_before: 5,
  } as const

  it('only links for which every member holds', () => {
    const names = Object.keys(members) as (keyof typeof members)[]
    fc.assert(
      fc.property(fc.subarray(names, { minLength: 1 }), fc.subarray(names), (set, wrong) => {
        const target = Object.fromEntries(
          set.map((name) => [name, wrong.includes(name) ? others[name] : members[name]]),
        )
        expect(isRevoked(target)).toBe(!set.some((name) => wrong.includes(name)))
      }),
    )
  })

  it('the same links as asking each revocation in turn, whatever their number', () => {
    const target = fc.record(
      {
        link_id: fc.constantFrom('l1', 'l2'),
        subject: fc.constantFrom('alice', 'bob'),
        tag: fc.constantFrom('t1', 't2'),
        kid: fc.constantFrom('k1', 'k2'),
        path: fc.constantFrom(PATH, '/files/*', '/x', '/x/*'),
        issued_before: fc.constantFrom(NOW, 5),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        fc.array(target, { maxLength: 6 }),
        fc.constantFrom(PATH, '/x', '/x/y'),
        (targets, path) => {
          const all = new RevocationList(openMemoryDatabase())
          for (const one of targets) all.add(one, NOW)
          const alone = targets.map((one) => {
            const list = new RevocationList(openMemoryDatabase())
            list.add(one, NOW)
            return list.find(LINK, path) !== undefined
          })
          expect(all.find(LINK, path) !== undefined).toBe(alone.includes(true))
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('the list', () => {
  it('gives, lists and removes', () => {
    const list = new RevocationList(openMemoryDatabase())
    const one = list.add({ link_id: 'l1' }, NOW)
    const two = list.add({ kid: 'k1' }, NOW + 1)
    expect(list.list()).toEqual([one, two])
    expect(list.get(one.id)).toEqual({ id: one.id, created_at: NOW, link_id: 'l1' })
    expect(list.find(LINK, PATH)).toBe(one.id)
    expect(list.remove(one.id)).toBe(true)
    expect(list.find(LINK, PATH)).toBe(two.id)
    expect(list.remove(two.id)).toBe(true)
    expect([list.find(LINK, PATH), list.remove(two.id), list.get(two.id), list.list()]).toEqual([
      undefined,
      false,
      undefined,
      [],
    ])
  })

  it('outlives the process: what was added is back, what was removed is not', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-state-'))
    try {
      const database = openDatabase(directory)
      const list = new RevocationList(database)
      const kept = list.add({ path: '/files/*', issued_before: NOW }, NOW)
      const gone = list.add({ link_id: 'l1' }, NOW)
      list.remove(gone.id)
      // a second reader sees it at once: nothing waits in memory for a clean end
      const again = openDatabase(directory)
      const reopened = new RevocationList(again)
      expect(reopened.list()).toEqual([kept])
      expect(reopened.find(LINK, PATH)).toBe(kept.id)
      database.close()
      again.close()
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
