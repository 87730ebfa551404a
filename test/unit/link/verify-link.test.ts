import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../src/link/key-ring.ts'
import { decodeValue, parameterIndex, rawParameters } from '../../../src/link/raw-query.ts'
import type { Scheme } from '../../../src/link/scheme.ts'
import { SluiceHmac } from '../../../src/link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../../../src/link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import { contextOf, NOW, secretKey, SITE } from '../../support/request-parts.ts'

const hmac = new SluiceHmac({ isIgnored: () => false })
const jwt = new SluiceJwt({})
const key = secretKey('k1', 1)

function link(scheme: Scheme, signer: Key = key): string {
  const result = scheme.sign(
    { path: '/files/a', expiresAt: NOW + 60, constraints: {}, site: SITE },
    signer,
  )
  if (!('target' in result)) throw new Error(result.detail)
  return result.target
}

describe('a route takes the links of its schemes', () => {
  const verifier = new LinkVerifier([hmac, jwt], new KeyRing([key]))

  it.each([
    ['sluice-hmac', hmac],
    ['sluice-jwt', jwt],
  ] as const)('%s alone is granted', (name, scheme) => {
    expect(verifier.verify(contextOf(link(scheme)))).toMatchObject({
      outcome: 'granted',
      grant: { scheme: name },
    })
  })

  it('two links in one request are refused, even if both are good', () => {
    const context = contextOf(link(hmac), {
      headers: { Cookie: `sluice_token=${link(jwt).split('=')[1]}` },
    })
    expect(verifier.verify(context)).toMatchObject({
      outcome: 'refused',
      refusal: { reason: 'link_ambiguous' },
    })
    expect(verifier.locate(context)).toMatchObject({ outcome: 'refused' })
  })

  it('a good link beside a broken one is refused', () => {
    const context = contextOf(link(hmac), { headers: { Authorization: 'Bearer x' } })
    expect(verifier.verify(context)).toMatchObject({
      outcome: 'refused',
      refusal: { reason: 'link_ambiguous' },
    })
  })

  it('links of schemes that the route does not list are as if absent', () => {
    expect(new LinkVerifier([hmac], new KeyRing([key])).verify(contextOf(link(jwt)))).toEqual({
      outcome: 'absent',
    })
    expect(new LinkVerifier([jwt], new KeyRing([key])).verify(contextOf(link(hmac)))).toEqual({
      outcome: 'absent',
    })
    expect(new LinkVerifier([], new KeyRing([key])).verify(contextOf(link(hmac)))).toEqual({
      outcome: 'absent',
    })
  })
})

describe('a link that verified twice is remembered', () => {
  it('its signature is computed no more', () => {
    let computed = 0
    const counting: Scheme = {
      name: 'sluice-hmac',
      triggers: hmac.triggers,
      expresses: hmac.expresses,
      signsPrefixes: hmac.signsPrefixes,
      find: (context) => hmac.find(context),
      verify(carrier, keys, context) {
        computed++
        return hmac.verify(carrier, keys, context)
      },
      sign: (request, signer) => hmac.sign(request, signer),
      canonicalText: (carrier) => hmac.canonicalText(carrier),
    }
    const verifier = new LinkVerifier([counting], new KeyRing([key]))
    const target = link(hmac)
    for (let i = 0; i < 5; i++) expect(verifier.verify(contextOf(target)).outcome).toBe('granted')
    expect(computed).toBe(2)
    const forged = `${target.slice(0, -3)}AAA`
    for (let i = 0; i < 3; i++) expect(verifier.verify(contextOf(forged)).outcome).toBe('refused')
    expect(computed).toBe(5)
  })

  it('and forgotten when its key retires', () => {
    const retiring = { ...key, retireAt: NOW + 10 }
    const verifier = new LinkVerifier([hmac], new KeyRing([retiring]))
    const target = link(hmac)
    for (let i = 0; i < 2; i++) {
      expect(verifier.verify(contextOf(target, { now: NOW + 9 })).outcome).toBe('granted')
    }
    expect(verifier.verify(contextOf(target, { now: NOW + 10 }))).toMatchObject({
      refusal: { reason: 'link_key_unknown' },
    })
  })

  it('a token remembered in the query is not thereby short enough for a cookie', () => {
    const padded = jwt.sign(
      {
        path: '/files/a',
        expiresAt: NOW + 60,
        site: SITE,
        constraints: {
          accessRules: [
            {
              type: 'ip.geoip.country',
              action: 'allow',
              country: Array.from({ length: 700 }, () => 'DE'),
            },
          ],
        },
      },
      key,
    )
    const target = 'target' in padded ? padded.target : ''
    const token = target.split('=')[1] ?? ''
    expect(token.length).toBeGreaterThan(4096)
    const verifier = new LinkVerifier([jwt], new KeyRing([key]))
    for (let i = 0; i < 2; i++) expect(verifier.verify(contextOf(target)).outcome).toBe('granted')
    const cookie = contextOf('/files/a', { headers: { Cookie: `sluice_token=${token}` } })
    expect(verifier.verify(cookie)).toMatchObject({
      outcome: 'refused',
      refusal: { reason: 'link_malformed' },
    })
  })
})

describe('KeyRing', () => {
  const old = secretKey('old', 1, { notBefore: NOW - 100, retireAt: NOW })
  const current = secretKey('current', 2, { notBefore: NOW - 10 })
  const next = secretKey('next', 3, { notBefore: NOW + 10 })
  const ring = new KeyRing([next, current, old])

  it('signs with the active key that became active last', () => {
    expect(ring.signer('sluice-hmac', NOW)?.kid).toBe('current')
    expect(ring.signer('sluice-hmac', NOW - 50)?.kid).toBe('old')
    expect(ring.signer('sluice-hmac', NOW + 10)?.kid).toBe('next')
    expect(ring.signer('another', NOW)).toBeUndefined()
    expect(
      new KeyRing([{ ...current, signKey: undefined }]).signer('sluice-hmac', NOW),
    ).toBeUndefined()
  })

  it('finds a key from notBefore until the second before retireAt', () => {
    const found = (now: number): boolean => ring.find('old', 'sluice-hmac', now) !== undefined
    expect([NOW - 101, NOW - 100, NOW - 1, NOW].map(found)).toEqual([false, true, true, false])
  })

  it('stands in for a missing kid only when one key alone fits', () => {
    expect(ring.only('sluice-jwt', 'HS256', NOW)?.kid).toBe('current')
    expect(ring.only('sluice-jwt', 'HS256', NOW - 10)).toBeUndefined()
    expect(ring.only('sluice-jwt', 'RS256', NOW)).toBeUndefined()
    expect(ring.only('another', 'HS256', NOW)).toBeUndefined()
  })

  it('gives all keys', () => {
    expect([...ring].map(({ kid }) => kid)).toEqual(['next', 'current', 'old'])
  })
})

describe('a raw query', () => {
  it.each([
    ['', []],
    ['a', [['a', '']]],
    [
      'a=b=c&&=d',
      [
        ['a', 'b=c'],
        ['', ''],
        ['', 'd'],
      ],
    ],
    ['%61=%62', [['%61', '%62']]],
  ])('%j is cut, not decoded', (query, pairs) => {
    expect(rawParameters(query).map(({ name, value }) => [name, value])).toEqual(pairs)
  })

  it.each([
    ['Signature=x', 0],
    ['a=b&Signature=x', 4],
    ['xSignature=x', -1],
    ['a=Signature=x', -1],
    ['xSignature=1&Signature=2', 13],
    ['Signature', -1],
    ['signature=x', -1],
  ])('in %j Signature begins at %i', (query, at) => {
    expect(parameterIndex(query, 'Signature')).toBe(at)
  })

  it.each([
    ['a+b', 'a b'],
    ['a%2Bb', 'a+b'],
    ['%C3%BC', 'ü'],
    ['%', undefined],
    ['%ff', undefined],
    ['', ''],
  ])('the value %j is %j', (raw, value) => {
    expect(decodeValue(raw)).toBe(value)
  })
})
