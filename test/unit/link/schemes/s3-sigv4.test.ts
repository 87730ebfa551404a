import { describe, expect, it } from 'vitest'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { contextOf, NOW, pairKey, SITE } from '../../../support/request-parts.ts'
import { KID, makeKey, makeScheme, signed, verify } from '../../../support/s3-links.ts'

linkFormatContract('s3-sigv4', () => ({
  scheme: makeScheme(),
  keys: [makeKey()],
  maxSeconds: 3 * 86_400,
  narrow: ({ iat, nbf }) =>
    nbf === undefined
      ? iat === undefined
        ? {}
        : { iat: NOW - (iat % 86_400) }
      : { nbf: NOW - 900 - (nbf % 86_400) },
}))

describe('what a link of s3-sigv4 says', () => {
  it('the time that it begins, 15 minutes before its date, and the time that it ends', () => {
    expect(verify(signed())).toMatchObject({
      outcome: 'granted',
      grant: {
        key: { kid: KID },
        validUntil: NOW + 3600,
        constraints: { iat: NOW, nbf: NOW - 900 },
        resource: { kind: 'exact', path: '/files/a.mp4' },
      },
    })
    const strict = verify(signed(), { options: { clockSkewSeconds: 0 } })
    expect(strict).toMatchObject({ grant: { constraints: { nbf: NOW } } })
  })

  it('headers of the answer', () => {
    const disposition = 'attachment; filename="a b.mp4"'
    const more = [
      ['response-content-type', 'video/mp4'],
      ['response-content-disposition', disposition],
      ['response-content-encoding', 'br'],
      ['response-content-language', 'de'],
      ['response-cache-control', 'no-cache'],
      ['response-expires', 'Thu, 01 Jan 2026 00:00:00 GMT'],
    ].map(([name = '', value = '']) => {
      const pair = `${name}=${encodeURIComponent(value)}`
      return [pair, pair] as const
    })
    expect(verify(signed({ more }))).toMatchObject({
      grant: {
        response: {
          contentType: 'video/mp4',
          contentDisposition: disposition,
          contentEncoding: 'br',
          contentLanguage: 'de',
          cacheControl: 'no-cache',
          expires: 'Thu, 01 Jan 2026 00:00:00 GMT',
        },
      },
    })
  })

  it('an empty header of the answer is none', () => {
    const pair = 'response-content-type='
    const result = verify(signed({ more: [[pair, pair]] }))
    expect(result.outcome === 'granted' && result.grant.response).toBeUndefined()
  })
})

describe('detection', () => {
  it('other names of parameters are another format', () => {
    const target = signed()
    for (const other of [
      target.replaceAll('X-Amz-', 'x-amz-'),
      target.replaceAll('X-Amz-', 'X-Goog-'),
      '/files/a?Signature=x&Expires=1',
      '/files/a?x=X-Amz-Signature=1',
    ]) {
      expect(makeScheme().find(contextOf(other))).toEqual({ outcome: 'absent' })
    }
  })

  it('a link without its signature is refused, not absent', () => {
    const target = signed().replace(/&X-Amz-Signature=.*/, '')
    expect(makeScheme().find(contextOf(target))).toMatchObject({ outcome: 'refused' })
  })
})

describe('minting', () => {
  const request = { path: '/files/a%20b.mp4', expiresAt: NOW + 3600, site: SITE }

  it('counts from the time of issue', () => {
    const link = makeScheme().sign({ ...request, constraints: { iat: NOW } }, makeKey())
    expect(link).toMatchObject({
      target: expect.stringContaining('&X-Amz-Expires=3600&') as string,
    })
    expect(link).toMatchObject({ target: expect.stringContaining('us-east-1') as string })
  })

  it.each([
    ['expires_at', { iat: NOW - 604_800 }],
    ['expires_at', { iat: NOW + 3600 }],
    ['nbf', { nbf: NOW + 3600 - 900, iat: NOW }],
    ['nbf', { nbf: 0, iat: NOW }],
  ])('refuses what no lifetime says, by its field: %s', (field, constraints) => {
    expect(makeScheme().sign({ ...request, constraints }, makeKey())).toMatchObject({
      reason: 'link_constraint_unsupported',
      detail: expect.stringMatching(`^${field}: `) as string,
    })
  })

  it('carries the region and the session of the route', () => {
    const options = { region: 'eu-west-1', sessionToken: 'a/b+c' }
    const link = makeScheme(options).sign({ ...request, constraints: { iat: NOW } }, makeKey())
    if ('reason' in link) throw new Error(link.detail)
    expect(link.target).toContain('%2Feu-west-1%2F')
    expect(link.target).toContain('X-Amz-Security-Token=a%2Fb%2Bc')
    expect(verify(link.target, { options })).toMatchObject({ outcome: 'granted' })
  })

  it('takes no key of another kind', () => {
    const key = pairKey('rsa', KID, 'RS256')
    expect(makeScheme().sign({ ...request, constraints: {} }, key)).toMatchObject({
      reason: 'link_key_unknown',
    })
  })
})
