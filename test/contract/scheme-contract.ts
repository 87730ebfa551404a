import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Constraints } from '../../src/link/constraints.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import type { LinkRequest, Scheme, Verification } from '../../src/link/scheme.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { encodePath } from '../../src/request/canonical-path.ts'
import { contextOf, NOW, SITE } from '../support/request-parts.ts'
import { constraintSets } from './constraint-sets.ts'

export interface SchemeUnderTest {
  readonly scheme: Scheme
  /** Keys that sign for the scheme. */
  readonly keys: readonly Key[]
}

const paths = fc
  .array(
    fc.string({
      unit: fc.constantFrom(...Array.from('abc ü日%+&=?#;~.')),
      minLength: 1,
      maxLength: 8,
    }),
    {
      minLength: 1,
      maxLength: 3,
    },
  )
  .map((names) => `/files/${names.map((name) => `x${name}`).join('/')}`)
  .filter((path) => !/%[0-9a-f]{2}/i.test(path))

const expiries = fc.integer({ min: NOW + 1, max: NOW + 9 * 365 * 86_400 })

/** What every `Scheme` keeps. */
export function schemeContract(name: string, make: () => SchemeUnderTest): void {
  describe(`${name} keeps the scheme contract`, () => {
    const { scheme, keys } = make()
    const verifier = new LinkVerifier([scheme], new KeyRing(keys))

    function signed(request: Omit<LinkRequest, 'site'>, key: Key): string {
      const link = scheme.sign({ ...request, site: SITE }, key)
      if ('reason' in link) throw new Error(link.detail)
      return link.target
    }

    function verified(target: string, now = NOW): Verification {
      return verifier.verify(contextOf(target, { now }))
    }

    it('what was signed is what is granted', () => {
      fc.assert(
        fc.property(
          paths,
          expiries,
          constraintSets,
          fc.constantFrom(...keys),
          (path, expiresAt, constraints, key) => {
            const target = signed({ path: encodePath(path), expiresAt, constraints }, key)
            const result = verified(target)
            if (result.outcome !== 'granted') throw new Error(JSON.stringify(result))
            const { grant } = result
            expect(grant.constraints).toEqual(constraints)
            expect(grant).toMatchObject({
              scheme: scheme.name,
              resource: { kind: 'exact', path },
              validUntil: expiresAt,
              key,
            })
            if (constraints.jti !== undefined) expect(grant.linkId).toBe(constraints.jti)
            else expect(grant.linkId).toMatch(/^[0-9a-f]{12}$/)
          },
        ),
        { numRuns: 150 },
      )
    })

    it('a link with any one byte changed is refused, or says the same by the same signature', () => {
      const [key] = keys
      const constraints: Constraints = { jti: 'id-1', multi_use: false, subject: 'ü b' }
      const target = signed({ path: '/files/a%20b.mp4', expiresAt: NOW + 60, constraints }, key!)
      const original = verified(target)
      const carrier = scheme.find(contextOf(target))
      expect(original.outcome).toBe('granted')
      let refused = 0
      for (let at = 1; at < target.length; at++) {
        for (const other of ['A', 'B', '0', '-', '=', '&', '%', '.', '/', '~']) {
          if (target[at] === other) continue
          const changed = target.slice(0, at) + other + target.slice(at + 1)
          const context = contextOrNothing(changed)
          const result = context && verifier.verify(context)
          if (result?.outcome !== 'granted') {
            refused++
            continue
          }
          // only what the signature does not cover may change: the path beside a token that names its own
          expect([changed, scheme.find(context!)]).toEqual([changed, carrier])
          expect([changed, result]).toEqual([changed, original])
          expect([changed, context!.path]).not.toEqual([changed, '/files/a b.mp4'])
        }
      }
      expect(refused).toBeGreaterThan(target.length * 4)
    })

    it('the constraints of two links cannot be mixed', () => {
      fc.assert(
        fc.property(constraintSets, constraintSets, fc.nat(2000), (x, y, cut) => {
          const [key] = keys
          const one = signed({ path: '/files/a', expiresAt: NOW + 60, constraints: x }, key!)
          const two = signed({ path: '/files/a', expiresAt: NOW + 99, constraints: y }, key!)
          const spliced = one.slice(0, cut % one.length) + two.slice(cut % two.length)
          const context = contextOrNothing(spliced)
          const result = context && verifier.verify(context)
          const said = result?.outcome === 'granted' ? [result.grant.constraints] : []
          expect([x, y]).toEqual(expect.arrayContaining(said))
        }),
        { numRuns: 100 },
      )
    })

    it('a key that is not in the ring, not active, or of another scheme opens nothing', () => {
      const [key] = keys
      const target = signed({ path: '/files/a', expiresAt: NOW + 60, constraints: {} }, key!)
      const rings: Record<string, Key[]> = {
        absent: [],
        retired: [{ ...key!, retireAt: NOW }],
        'not active yet': [{ ...key!, notBefore: NOW + 1 }],
        'of another scheme': [{ ...key!, schemes: new Set(['another']) }],
      }
      for (const [what, held] of Object.entries(rings)) {
        const result = new LinkVerifier([scheme], new KeyRing(held)).verify(contextOf(target))
        expect({ what, ...result }).toMatchObject({
          what,
          outcome: 'refused',
          refusal: { reason: 'link_key_unknown' },
        })
      }
      const edge = new KeyRing([{ ...key!, notBefore: NOW, retireAt: NOW + 1 }])
      expect(new LinkVerifier([scheme], edge).verify(contextOf(target)).outcome).toBe('granted')
    })

    it('a request without a link of this kind is absent, not refused', () => {
      for (const url of ['/files/a', '/files/a?', '/files/a?x=1&utm_source=y']) {
        expect(scheme.find(contextOf(url))).toEqual({ outcome: 'absent' })
      }
    })

    it('an expiry more than ten years ahead is refused: milliseconds that were meant to be seconds', () => {
      const target = signed(
        { path: '/files/a', expiresAt: (NOW + 60) * 1000, constraints: {} },
        keys[0]!,
      )
      expect(verified(target)).toMatchObject({
        outcome: 'refused',
        refusal: { reason: 'link_malformed' },
      })
    })

    it('the canonical text is what comes before the signature', () => {
      const target = signed({ path: '/files/a', expiresAt: NOW + 60, constraints: {} }, keys[0]!)
      const found = scheme.find(contextOf(target))
      const canonical =
        found.outcome === 'found'
          ? scheme.canonicalText(found.carrier, contextOf(target))
          : undefined
      expect(target).toContain(canonical)
      expect(canonical).not.toBe('')
      expect(
        scheme.canonicalText({ place: 'query', text: 'nothing' }, contextOf(target)),
      ).toBeUndefined()
    })
  })
}

function contextOrNothing(url: string): ReturnType<typeof contextOf> | undefined {
  try {
    return contextOf(url)
  } catch {
    return undefined
  }
}
