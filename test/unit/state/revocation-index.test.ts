import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type RevocableLink,
  RevocationIndex,
  type RevocationTarget,
} from '../../../src/state/revocation-index.ts'
import { NOW } from '../../support/request-parts.ts'

const LINK: RevocableLink = {
  linkId: 'l1',
  kid: 'k1',
  subject: 'alice',
  tag: 't1',
  issuedAt: NOW - 10,
}
const PATH = '/files/a/b.mp4'

function indexOf(targets: readonly RevocationTarget[]): RevocationIndex {
  const index = new RevocationIndex()
  for (const [i, target] of targets.entries())
    index.put({ id: `r${i}`, created_at: NOW, ...target })
  return index
}

function isRevoked(
  target: RevocationTarget,
  link: Partial<RevocableLink> = {},
  path = PATH,
): boolean {
  return indexOf([target]).find({ ...LINK, ...link }, path) === 'r0'
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
          const alone = targets.map((one) => indexOf([one]).find(LINK, path) !== undefined)
          expect(indexOf(targets).find(LINK, path) !== undefined).toBe(alone.includes(true))
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('the index', () => {
  it('lists by time, whatever the order in which revocations came', () => {
    const index = new RevocationIndex()
    const late = { id: 'late', created_at: NOW + 1, kid: 'k1' }
    const early = { id: 'early', created_at: NOW, path: '/files/*' }
    index.put(late)
    index.put(early)
    expect(index.list()).toEqual([early, late])
  })

  it('forgets what was removed or replaced', () => {
    const index = new RevocationIndex()
    index.put({ id: 'r', created_at: NOW, link_id: 'l1' })
    index.put({ id: 'r', created_at: NOW, link_id: 'l2' })
    expect(index.find(LINK, PATH)).toBeUndefined()
    index.put({ id: 'r', created_at: NOW, subject: 'alice' })
    expect(index.find(LINK, PATH)).toBe('r')
    index.remove('r')
    index.remove('unknown')
    expect([index.find(LINK, PATH), index.list()]).toEqual([undefined, []])
  })
})
