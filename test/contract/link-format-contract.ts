import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Constraints } from '../../src/link/constraints.ts'
import { covers, describeResource, type Grant } from '../../src/link/grant.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import type { LinkRequest, Scheme, SignedLink, Verification } from '../../src/link/scheme.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { encodePath } from '../../src/request/canonical-path.ts'
import type { RequestContext } from '../../src/request/request-context.ts'
import { contextOf, NOW, SITE } from '../support/request-parts.ts'
import { constraintSets } from './constraint-sets.ts'

export interface LinkFormatUnderTest {
  readonly scheme: Scheme
  /** Keys that sign for the scheme; each kind that it takes. */
  readonly keys: readonly Key[]
  /** Keys that are needed besides, and that no link names. */
  readonly companions?: readonly Key[]
  /** Where its links may lie; default `/files/`. */
  readonly folder?: string
  /** Narrows constraints to values that the format has words for. */
  readonly narrow?: (constraints: Constraints) => Constraints
  /** How far ahead its links may expire, in seconds. Default: nine years. */
  readonly maxSeconds?: number
  /** Seconds between two expiries that its links can say. Default: one. */
  readonly stepSeconds?: number
  /** Its links open a whole video or the like, by an id in the path. */
  readonly opensSiblings?: boolean
  /** The client whose requests are tried, for formats that bind its address. */
  readonly client?: string
}

const names = fc.string({
  unit: fc.constantFrom(...Array.from('abcXYZ019-_. ü日+')),
  minLength: 1,
  maxLength: 12,
})

/** What links of every format keep, whatever they can say. */
export function linkFormatContract(name: string, make: () => LinkFormatUnderTest): void {
  describe(`${name} keeps the contract of link formats`, () => {
    const { scheme, keys, folder = '/files/', client = '192.0.2.1', ...bounds } = make()
    const { narrow = (all: Constraints) => all, maxSeconds = 9 * 365 * 86_400 } = bounds
    const { companions = [], stepSeconds = 1 } = bounds
    const ring = new KeyRing([...keys, ...companions])
    const verifier = new LinkVerifier([scheme], ring)
    const [firstKey] = keys
    if (!firstKey) throw new Error('a format needs a key')

    const sayable = constraintSets.map((all) =>
      narrow(
        Object.fromEntries(
          Object.entries(all).filter(([field]) =>
            (scheme.expresses as ReadonlySet<string>).has(field),
          ),
        ),
      ),
    )
    const paths = fc
      .array(names, { minLength: 1, maxLength: 3 })
      .map((segments) => `${folder}${segments.map((segment) => `x${segment}`).join('/')}`)

    const sign = (request: Omit<LinkRequest, 'site'>, key: Key = firstKey): SignedLink => {
      const link = scheme.sign({ ...request, site: SITE }, key, ring)
      if ('reason' in link) throw new Error(link.detail)
      return link
    }
    const plain = (path = `${folder}a%20b.mp4`): SignedLink =>
      sign({ path, expiresAt: NOW + 60, constraints: narrow({}) })

    /** The context of a request with the link, its path as the gateway would find it. */
    function asked(link: SignedLink, now = NOW): RequestContext {
      const cookies = Object.entries(link.cookies ?? {}).map(([key, value]) => `${key}=${value}`)
      const headers = {
        ...link.headers,
        ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
      }
      return contextOf(link.target, { now, client, headers, scheme })
    }

    function granted(result: Verification): Grant {
      if (result.outcome === 'granted') return result.grant
      throw new Error(JSON.stringify(result))
    }

    it('what was signed is what is granted', () => {
      fc.assert(
        fc.property(
          paths,
          fc
            .integer({ min: 1, max: Math.floor(maxSeconds / stepSeconds) })
            .map((steps) => NOW + steps * stepSeconds),
          sayable,
          fc.constantFrom(...keys),
          (path, expiresAt, constraints, key) => {
            const link = sign({ path: encodePath(path), expiresAt, constraints }, key)
            const context = asked(link)
            const grant = granted(verifier.verify(context))
            expect(grant.constraints).toMatchObject(constraints)
            expect(grant.validUntil).toBeGreaterThanOrEqual(expiresAt)
            expect(grant.validUntil).toBeLessThanOrEqual(expiresAt + 1)
            expect(grant.key.kid).toBe(key.kid)
            expect([path, context.path, covers(grant.resource, context)]).toEqual([
              path,
              path,
              true,
            ])
            for (const condition of grant.conditions ?? []) {
              expect([condition.name, condition.check(context)]).toEqual([
                condition.name,
                undefined,
              ])
            }
          },
        ),
        { numRuns: 100 },
      )
    })

    it('a prefix opens what lies below it and nothing else', () => {
      if (!scheme.signsPrefixes) return
      const path = `${folder}shows/*`
      const link = sign({ path, expiresAt: NOW + 60, constraints: narrow({}) })
      const open = (object: string): boolean => {
        const target = link.target.replace(`${folder}shows/`, object)
        const context = asked({ ...link, target })
        const result = verifier.verify(context)
        return result.outcome === 'granted' && covers(result.grant.resource, context)
      }
      expect(open(`${folder}shows/a.mp4`)).toBe(true)
      expect(open(`${folder}shows/1/b.mp4`)).toBe(true)
      expect(open(`${folder}other/a.mp4`)).toBe(false)
    })

    it('a link with any one byte changed is refused, or says the same by the same signature', () => {
      const link = plain()
      const original = granted(verifier.verify(asked(link)))
      let refused = 0
      for (const changed of mutations(link)) {
        const context = contextOrNothing(() => asked(changed))
        const result = context && verifier.verify(context)
        if (result?.outcome !== 'granted' || !covers(result.grant.resource, context!)) {
          refused++
          continue
        }
        const said = ({ constraints, validUntil, resource }: Grant): unknown[] => [
          constraints,
          validUntil,
          describeResource(resource),
        ]
        expect([changed, said(result.grant)]).toEqual([changed, said(original)])
        if (bounds.opensSiblings) continue
        expect([changed, context!.path]).toEqual([changed, asked(link).path])
      }
      expect(refused).toBeGreaterThan(100)
    })

    it('a key that is not in the ring, not active, or of another scheme opens nothing', () => {
      const context = asked(plain())
      const rings: Record<string, Key[]> = {
        absent: [...companions],
        retired: [{ ...firstKey, retireAt: NOW }, ...companions],
        'not active yet': [{ ...firstKey, notBefore: NOW + 1 }, ...companions],
        'of another scheme': [{ ...firstKey, schemes: new Set(['another']) }, ...companions],
      }
      for (const [what, held] of Object.entries(rings)) {
        const result = new LinkVerifier([scheme], new KeyRing(held)).verify(context)
        expect({ what, ...result }).toMatchObject({ what, outcome: 'refused' })
      }
    })

    it('a request without a link of this kind is absent, not refused', () => {
      for (const query of ['', '?', '?x=1&utm_source=y']) {
        const context = contextOf(`${folder}a${query}`, { scheme })
        expect([query, verifier.verify(context)]).toEqual([query, { outcome: 'absent' }])
      }
    })

    it('says what exactly was signed', () => {
      const context = asked(plain())
      const located = verifier.locate(context)
      if (located.outcome !== 'found') throw new Error('no link')
      expect(scheme.canonicalText(located.carrier, context)).toMatch(/./)
    })
  })
}

/** The link with one byte of its target, of a cookie or of a header changed, in many ways. */
function* mutations(link: SignedLink): Generator<SignedLink> {
  for (const target of flips(link.target)) yield { ...link, target }
  for (const part of ['cookies', 'headers'] as const) {
    for (const [name, value] of Object.entries(link[part] ?? {})) {
      for (const flipped of flips(value))
        yield { ...link, [part]: { ...link[part], [name]: flipped } }
    }
  }
}

function* flips(text: string): Generator<string> {
  for (let at = text.startsWith('/') ? 1 : 0; at < text.length; at++) {
    for (const other of ['A', 'b', '0', '-', '=', '&', '%', '.', '/', '~']) {
      if (text[at] !== other) yield text.slice(0, at) + other + text.slice(at + 1)
    }
  }
}

function contextOrNothing(make: () => RequestContext): RequestContext | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
