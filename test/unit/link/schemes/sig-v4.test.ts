import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../../../src/link/key-ring.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import { contextOf, pairKey, SITE } from '../../../support/request-parts.ts'
import { type Asked, KID, makeKey, makeScheme, signed, verify } from '../../../support/s3-links.ts'
import type { V4Parts } from '../../../support/v4-signer.ts'

describe('what is signed is canonical', () => {
  const rows: Record<string, [Partial<V4Parts>, Asked?]> = {
    'a plus in a query is a space': [{ more: [['x=a+b', 'x=a%20b']] }],
    'a parameter without a value has an empty one': [{ more: [['flag', 'flag=']] }],
    'a tilde stays, whether encoded or not': [{ more: [['x=%7e~', 'x=~~']] }],
    'a slash in a query is encoded': [{ more: [['x=a/b', 'x=a%2Fb']] }],
    'lower-case percent sequences are the same': [{ more: [['x=%c3%bc', 'x=%C3%BC']] }],
    'what is no UTF-8 is bytes': [{ more: [['x=%ff%FE', 'x=%FF%FE']] }],
    'a value may hold an equals sign': [{ more: [['x=a=b', 'x=a%3Db']] }],
    'names are sorted as they are encoded, then values': [
      {
        more: [
          ['b=2', 'b=2'],
          ['b=1', 'b=1'],
          ['a-b=1', 'a-b=1'],
        ],
      },
    ],
    'a version is part of the query': [{ more: [['versionId=v1', 'versionId=v1']] }],
    'a header is signed by its value': [
      { headers: { 'x-tier': 'gold' } },
      { headers: ['X-Tier', 'gold'] },
    ],
    'blanks around and runs of spaces in a header do not count': [
      { headers: { 'x-tier': 'gold and more' } },
      { headers: ['X-Tier', ' \tgold  and   more  '] },
    ],
    'lines of one header are joined': [
      { headers: { 'x-tier': 'gold,silver' } },
      { headers: ['X-Tier', 'gold', 'x-tier', ' silver'] },
    ],
    'headers that are not signed are free': [
      {},
      { headers: ['Range', 'bytes=0-1', 'If-None-Match', '"x"'] },
    ],
    'the digest of the payload stands in a header': [
      { payloadHash: 'a'.repeat(64) },
      { headers: ['X-Amz-Content-Sha256', 'a'.repeat(64)] },
    ],
    'the digest of the payload stands in the query': [
      { payloadHash: 'b'.repeat(64), fields: { 'Content-Sha256': 'b'.repeat(64) } },
      { headers: ['X-Amz-Content-Sha256', 'a'.repeat(64)] },
    ],
    'a HEAD is signed as HEAD': [{ method: 'HEAD' }, { context: { method: 'HEAD' } }],
    'a HEAD by a link for GET, where the route says so': [
      {},
      { context: { method: 'HEAD' }, options: { headAsGet: true } },
    ],
    'a HEAD by a link for HEAD, where GET counts too': [
      { method: 'HEAD' },
      { context: { method: 'HEAD' }, options: { headAsGet: true } },
    ],
    'a port belongs to the host': [
      { host: 'cdn.example:8443' },
      { context: { site: { ...SITE, host: 'cdn.example:8443' } } },
    ],
    'the session that the route names': [
      { fields: { 'Security-Token': 'FwoG+a/b==' } },
      { options: { sessionToken: 'FwoG+a/b==' } },
    ],
    'the region and service that the route names': [
      {},
      { options: { region: 'eu-central-1', service: 's3' } },
    ],
  }

  it.each(Object.entries(rows))('%s', (_, [parts, asked]) => {
    expect(verify(signed(parts), asked)).toMatchObject({ outcome: 'granted' })
  })

  it('the path is decoded once and encoded again', () => {
    const target = signed({ path: '/files/a%20b%2B~.mp4' })
    expect(verify(target.replace('a%20b%2B~', '%61 b+%7e'.replace(' ', '%20')))).toMatchObject({
      outcome: 'granted',
      grant: { resource: { path: '/files/a b+~.mp4' } },
    })
  })

  it('the string to sign and the canonical request are there to compare', () => {
    const context = contextOf(signed())
    const text = makeScheme().canonicalText({ place: 'query', text: '' }, context)
    expect(text).toMatch(/^AWS4-HMAC-SHA256\n20270115T080000Z\n20270115\/eu-central-1\/s3/)
    expect(text).toContain('\n\nGET\n/files/a.mp4\nX-Amz-Algorithm=AWS4-HMAC-SHA256&')
    expect(text).toMatch(/\nhost:cdn\.example\n\nhost\nUNSIGNED-PAYLOAD$/)
    const none = contextOf('/files/a')
    expect(makeScheme().canonicalText({ place: 'query', text: '' }, none)).toBeUndefined()
  })
})

describe('a link is refused', () => {
  const malformed: Record<string, [Partial<V4Parts>, Asked?]> = {
    'without a credential': [{ fields: { Credential: undefined } }],
    'without a date': [{ fields: { Date: undefined } }],
    'without a lifetime': [{ fields: { Expires: undefined } }],
    'without signed headers': [{ fields: { SignedHeaders: undefined } }],
    'with a lifetime of none': [{ fields: { Expires: '0' } }],
    'with more than a week': [{ fields: { Expires: '604801' } }],
    'with a sign in its lifetime': [{ fields: { Expires: '+60' } }],
    'with a fraction': [{ fields: { Expires: '60.0' } }],
    'with an exponent': [{ fields: { Expires: '1e3' } }],
    'with a space in its lifetime': [{ fields: { Expires: ' 60' } }],
    'with a month that is none': [
      {
        fields: {
          Date: '20271301T000000Z',
          Credential: `${KID}/20271301/eu-central-1/s3/aws4_request`,
        },
      },
    ],
    'with an hour that is none': [{ fields: { Date: '20270115T240000Z' } }],
    'with a date of another form': [{ fields: { Date: '2027-01-15T08:00:00Z' } }],
    'with a credential of another day': [
      { fields: { Credential: `${KID}/20270114/eu-central-1/s3/aws4_request` } },
    ],
    'with a credential that is cut': [
      { fields: { Credential: `${KID}/20270115/eu-central-1/s3` } },
    ],
    'with a credential too long': [
      { fields: { Credential: `${KID}/20270115/eu-central-1/s3/aws4_request/x` } },
    ],
    'of another service': [
      { fields: { Credential: `${KID}/20270115/eu-central-1/iot/aws4_request` } },
    ],
    'whose scope ends in another word': [
      { fields: { Credential: `${KID}/20270115/eu-central-1/s3/aws5_request` } },
    ],
    'of another region than the route names': [{}, { options: { region: 'us-east-1' } }],
    'of no session where the route names one': [{}, { options: { sessionToken: 'x' } }],
    'of another session': [
      { fields: { 'Security-Token': 'y' } },
      { options: { sessionToken: 'x' } },
    ],
    'that does not sign the host': [
      { fields: { SignedHeaders: 'x-tier' } },
      { headers: ['x-tier', 'gold'] },
    ],
    'with a signed header in upper case': [{ fields: { SignedHeaders: 'host;X-Tier' } }],
    'with a signed header twice': [{ fields: { SignedHeaders: 'host;host' } }],
    'with a signed header without a name': [{ fields: { SignedHeaders: 'host;' } }],
    'with too many signed headers': [
      {
        fields: {
          SignedHeaders: `host;${Array.from({ length: 32 }, (_, i) => `x${i}`).join(';')}`,
        },
      },
    ],
    'whose signed header the request lacks': [{ headers: { 'x-tier': 'gold' } }],
    'with a digest of the payload that is none': [
      { fields: { 'Content-Sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' } },
    ],
    'that would write a header of its own': [
      {
        more: [
          [
            'response-content-type=a%0D%0ASet-Cookie:%20x',
            'response-content-type=a%0D%0ASet-Cookie%3A%20x',
          ],
        ],
      },
    ],
    'whose header of the answer is no UTF-8': [
      { more: [['response-content-type=%FF', 'response-content-type=%FF']] },
    ],
    'with a header of the answer twice': [
      {
        more: [
          ['response-expires=0', 'response-expires=0'],
          ['response-expires=1', 'response-expires=1'],
        ],
      },
    ],
    'with a broken percent sequence': [{ more: [['x=%2', 'x=%252']] }],
    'with a raw byte that is not ASCII': [{ more: [['x=ü', 'x=%FC']] }],
  }

  it.each(Object.entries(malformed))('%s, though well signed', (_, [parts, asked]) => {
    expect(verify(signed(parts), asked)).toMatchObject({
      outcome: 'refused',
      refusal: { reason: 'link_malformed' },
    })
  })

  it.each(['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Signature'])(
    'with %s twice, in any spelling',
    (field) => {
      const target = signed()
      const raw = new RegExp(`X-Amz-${field}=[^&]*`).exec(target)?.[0] ?? ''
      for (const twin of [raw, raw.replace('X-Amz', '%58-Amz')]) {
        for (const twice of [`${target}&${twin}`, target.replace('?', `?${twin}&`)]) {
          expect(verify(twice)).toMatchObject({
            outcome: 'refused',
            refusal: { reason: 'link_malformed' },
          })
        }
      }
    },
  )

  it.each([
    ['empty', () => ''],
    ['cut', (hex: string) => hex.slice(0, -1)],
    ['in upper case', (hex: string) => hex.toUpperCase()],
    ['in base64', (hex: string) => Buffer.from(hex, 'hex').toString('base64url')],
  ])('with a signature that is %s', (_, change) => {
    const target = signed().replace(/[0-9a-f]{64}$/, change)
    expect(verify(target)).toMatchObject({ refusal: { reason: 'link_malformed' } })
  })

  it.each([
    ['an added parameter', (target: string) => `${target}&utm_source=x`, {}],
    ['an added empty parameter', (target: string) => `${target}&`, {}],
    ['a signature of half the length', (target: string) => target.slice(0, -32), {}],
    ['another path', (target: string) => target.replace('a.mp4', 'b.mp4'), {}],
    ['another method', (target: string) => target, { context: { method: 'HEAD' } }],
    [
      'another host',
      (target: string) => target,
      { context: { site: { ...SITE, host: 'x.example' } } },
    ],
    [
      'a port that was not signed',
      (target: string) => target,
      { context: { site: { ...SITE, host: 'cdn.example:8443' } } },
    ],
    [
      'a digest of the payload that was not signed',
      (target: string) => target,
      { headers: ['X-Amz-Content-Sha256', 'a'.repeat(64)] },
    ],
  ])('with %s', (_, change, asked: Asked) => {
    expect(verify(change(signed()), asked)).toMatchObject({
      outcome: 'refused',
      refusal: { reason: 'link_signature_wrong' },
    })
  })

  it('for a host that only the request itself names', () => {
    const target = signed({ host: 'evil.example' })
    expect(verify(target, { headers: ['Host', 'evil.example'] })).toMatchObject({
      refusal: { reason: 'link_signature_wrong' },
    })
  })

  it.each(['aws4-hmac-sha256', 'AWS4-ECDSA-P256-SHA256', 'none', 'GOOG4-HMAC-SHA256'])(
    'with the algorithm %s, which the key is not for',
    (algorithm) => {
      expect(verify(signed({ fields: { Algorithm: algorithm } }))).toMatchObject({
        refusal: { reason: 'link_key_unknown' },
      })
    },
  )

  it('when its key is no secret: the public half of a pair never becomes one', () => {
    const key = { ...pairKey('rsa', KID, 'RS256'), schemes: new Set(['s3-sigv4']) }
    expect(verify(signed(), { key })).toMatchObject({ refusal: { reason: 'link_key_unknown' } })
  })

  it.each(['acl', 'tagging', 'torrent', 'attributes', 'partNumber'])(
    'when it is for the %s of an object',
    (name) => {
      expect(verify(signed({ more: [[name, `${name}=`]] }))).toMatchObject({
        refusal: { reason: 'link_resource_mismatch' },
      })
    },
  )

  it('when a signed header changes after the link was remembered', () => {
    const verifier = new LinkVerifier([makeScheme()], new KeyRing([makeKey()]))
    const target = signed({ headers: { 'x-tier': 'gold' } })
    const ask = (value: string): string =>
      verifier.verify(contextOf(target, { headers: { 'x-tier': value } })).outcome
    expect([ask('gold'), ask('iron'), ask('gold')]).toEqual(['granted', 'refused', 'granted'])
  })
})
