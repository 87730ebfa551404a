import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../src/base/address.ts'
import type { AccessRule } from '../../src/link/access-rule.ts'
import type { Constraints } from '../../src/link/constraints.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import type { LinkRequest, Scheme, Verification } from '../../src/link/scheme.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { encodePath } from '../../src/request/canonical-path.ts'
import { contextOf, NOW } from '../support/request-parts.ts'

export interface SchemeUnderTest {
  readonly scheme: Scheme
  /** Keys that sign for the scheme. */
  readonly keys: readonly Key[]
  /** Requests that the scheme cannot express, with the field that its refusal names, if any. */
  readonly inexpressible: readonly (readonly [LinkRequest, string | undefined])[]
}

const text = (maxBytes: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((value) => Buffer.byteLength(value) <= maxBytes && !/[\p{Cc}\u2028\u2029]/u.test(value))
const network = fc
  .oneof(
    fc.ipV4(),
    fc.tuple(fc.ipV4(), fc.nat(32)).map((parts) => parts.join('/')),
    fc.ipV6(),
    fc.tuple(fc.ipV6(), fc.nat(128)).map((parts) => parts.join('/')),
  )
  .map((value) => parseNetwork(value))
  .filter((value) => value !== undefined)
const action = fc.constantFrom('allow' as const, 'block' as const)
const accessRule: fc.Arbitrary<AccessRule> = fc.oneof(
  fc.record({ type: fc.constant('any' as const), action }),
  fc.record({
    type: fc.constant('ip.src' as const),
    action,
    ip: fc.array(network, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant('ip.geoip.country' as const),
    action,
    country: fc.array(fc.constantFrom('DE', 'FR', 'US'), { minLength: 1, maxLength: 3 }),
  }),
)

/** Any set of constraints that a native link may say. */
export const constraintSets: fc.Arbitrary<Constraints> = fc.record(
  {
    jti: fc.string({
      unit: fc.constantFrom(...Array.from('aZ09-_.~!$&+,;=?/%"\'<>[]{}')),
      minLength: 1,
      maxLength: 128,
    }),
    iat: fc.nat(NOW),
    nbf: fc.nat(),
    ip: fc.array(network, { minLength: 1, maxLength: 8 }),
    max_parallel_downloads: fc.integer({ min: 1, max: 1000 }),
    anti_fraud: fc.boolean(),
    streaming: fc.boolean(),
    filename: text(255).filter((value) => !/[/\\]/.test(value) && value !== '.' && value !== '..'),
    autograph_tag: text(64),
    multi_use: fc.boolean(),
    rate: fc.integer({ min: 1, max: 1e12 }),
    accessRules: fc.array(accessRule, { minLength: 1, maxLength: 5 }),
    subject: text(255),
  },
  { requiredKeys: [] },
)

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
    const { scheme, keys, inexpressible } = make()
    const verifier = new LinkVerifier([scheme], new KeyRing(keys))

    function signed(request: LinkRequest, key: Key): string {
      const link = scheme.sign(request, key)
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

    it('what it cannot express is refused, never left out', () => {
      expect(inexpressible.length).toBeGreaterThan(0)
      for (const [request, field] of inexpressible) {
        const result = scheme.sign(request, keys[0]!)
        expect(result).toMatchObject({ reason: 'link_constraint_unsupported' })
        if (field !== undefined)
          expect('detail' in result && result.detail).toMatch(new RegExp(`^${field}:`))
      }
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
      const canonical = found.outcome === 'found' ? scheme.canonicalText(found.carrier) : undefined
      expect(target).toContain(canonical)
      expect(canonical).not.toBe('')
      expect(scheme.canonicalText({ place: 'query', text: 'nothing' })).toBeUndefined()
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
