import { createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { s3SigV2 } from '../../../../src/link/schemes/s3-sigv2.ts'
import type { Scheme, Verification } from '../../../../src/link/scheme.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import type { RequestContext } from '../../../../src/request/request-context.ts'
import { readHeaders } from '../../../../src/request/request-headers.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { contextOf, NOW, pairKey, secretKey, SITE } from '../../../support/request-parts.ts'

const SECRET = 'not-a-real-secret-access-key'
const KID = 'AKIATHROWAWAY0000001'
const EXPIRES = String(NOW + 3600)
const secret = createSecretKey(Buffer.from(SECRET))
const key: Key = secretKey(KID, 0, {
  alg: 'HS1',
  schemes: new Set(['s3-sigv2']),
  verifyKey: secret,
  signKey: secret,
})

function makeScheme(options: Record<string, unknown> = {}): Scheme {
  return s3SigV2.create(s3SigV2.options.parse(options), { isIgnored: () => true })
}

interface Asked {
  readonly options?: Record<string, unknown>
  readonly key?: Key
  readonly context?: Partial<RequestContext>
  readonly headers?: readonly string[]
}

function verify(target: string, asked: Asked = {}): Verification {
  const { options, context, headers = [] } = asked
  const request = { ...contextOf(target), headers: readHeaders(headers), ...context }
  return new LinkVerifier([makeScheme(options)], new KeyRing([asked.key ?? key])).verify(request)
}

interface Parts {
  readonly method?: string
  readonly md5?: string
  readonly type?: string
  readonly expires?: string
  /** Lines of signed headers, each with its line break. */
  readonly headers?: string
  /** The path that is signed, with its bucket and sub-resources. */
  readonly resource?: string
  readonly path?: string
  /** Raw parameters besides those of the signature. */
  readonly more?: string
}

/** A target signed by the documented formula, written out. */
function signed(parts: Parts = {}): string {
  const { method = 'GET', md5 = '', type = '', expires = EXPIRES, headers = '' } = parts
  const { path = '/files/a.mp4', resource = path, more } = parts
  const text = `${method}\n${md5}\n${type}\n${expires}\n${headers}${resource}`
  const signature = createHmac('sha1', SECRET).update(text, 'latin1').digest('base64')
  const query = [`AWSAccessKeyId=${KID}`, `Expires=${encodeURIComponent(expires)}`]
  if (more !== undefined) query.push(more)
  return `${path}?${query.join('&')}&Signature=${encodeURIComponent(signature)}`
}

linkFormatContract('s3-sigv2', () => ({ scheme: makeScheme(), keys: [key] }))

describe('a link of s3-sigv2 is good', () => {
  const overrides = 'response-content-type=text%2Fplain&response-content-disposition=a%3Bb+c'
  const virtual = { addressing: 'virtual-host', endpointDomain: 's3.example' }
  const at = (host: string): Partial<RequestContext> => ({ site: { ...SITE, host } })
  const rows: Record<string, [Parts, Asked?]> = {
    'by path': [{}],
    'with the type of the request, for GET too': [
      { type: 'text/plain' },
      { headers: ['Content-Type', 'text/plain'] },
    ],
    'with Content-MD5': [{ md5: 'q1w2' }, { headers: ['Content-MD5', 'q1w2'] }],
    'with headers of Amazon, sorted and in lower case': [
      { headers: 'x-amz-a:1,2\nx-amz-b:x  y\n' },
      { headers: ['X-Amz-B', ' x  y ', 'X-AMZ-A', '1', 'x-amz-a', ' 2'] },
    ],
    'with headers of Amazon in the query': [
      { headers: 'x-amz-security-token:a/b=\n', more: 'x-amz-security-token=a%2Fb%3D' },
    ],
    'with a version': [{ resource: '/files/a.mp4?versionId=v/1', more: 'versionId=v%2F1' }],
    'with an empty version': [{ resource: '/files/a.mp4?versionId=', more: 'versionId=' }],
    'with a version that has no value': [{ resource: '/files/a.mp4?versionId', more: 'versionId' }],
    'with headers of the answer, decoded and sorted': [
      {
        resource:
          '/files/a.mp4?response-content-disposition=a;b c&response-content-type=text/plain',
        more: overrides,
      },
    ],
    'with parameters that are not signed': [{ more: 'utm_source=x&utm_source=y&broken=%zz' }],
    'with the path as it is encoded': [{ path: '/files/%61%20b.mp4' }],
    'for HEAD': [{ method: 'HEAD' }, { context: { method: 'HEAD' } }],
    'for GET and used as HEAD, where the route says so': [
      {},
      { context: { method: 'HEAD' }, options: { headAsGet: true } },
    ],
    'whatever the host, by path': [{}, { context: at('another.example:99') }],
    'with its bucket in the host': [
      { resource: '/media/files/a.mp4' },
      { options: virtual, context: at('media.s3.example') },
    ],
    'with its bucket in the host, beside a port': [
      { resource: '/media.big/files/a.mp4' },
      { options: virtual, context: at('media.big.s3.example:9000') },
    ],
    'with its bucket in a host of Amazon, without a word on it': [
      { resource: '/media/files/a.mp4' },
      { context: at('media.s3.amazonaws.com') },
    ],
    'with its bucket in the path alone, where the route says so': [
      {},
      { options: { addressing: 'path' }, context: at('media.s3.amazonaws.com') },
    ],
    'with its bucket in the path, though hosts may name one': [
      {},
      { options: virtual, context: at('s3.example') },
    ],
    'with a host that is the bucket': [
      { resource: '/cdn.example/files/a.mp4' },
      { options: virtual, context: at('cdn.example') },
    ],
  }

  it.each(Object.entries(rows))('%s', (_, [parts, asked]) => {
    expect(verify(signed(parts), asked)).toMatchObject({
      outcome: 'granted',
      grant: { validUntil: NOW + 3600, constraints: {} },
    })
  })

  it('sets headers of the answer', () => {
    const resource =
      '/files/a.mp4?response-content-disposition=a;b c&response-content-type=text/plain'
    expect(verify(signed({ resource, more: overrides }))).toMatchObject({
      grant: { response: { contentType: 'text/plain', contentDisposition: 'a;b c' } },
    })
  })

  it('by a key that is for version 4, too', () => {
    expect(verify(signed(), { key: { ...key, alg: 'HS256' } }).outcome).toBe('granted')
  })

  it('without the padding of its signature', () => {
    expect(verify(signed().replace(/%3D$/, '')).outcome).toBe('granted')
  })
})

describe('a link of s3-sigv2 is refused', () => {
  const rows: Record<string, [string, string, Asked?]> = {
    'of another host of a bucket': [
      signed({ resource: '/media/files/a.mp4' }),
      'link_signature_wrong',
      { options: { addressing: 'virtual-host' } },
    ],
    'with another type than was signed': [
      signed(),
      'link_signature_wrong',
      { headers: ['Content-Type', 'text/plain'] },
    ],
    'with a header of Amazon that was not signed': [
      signed(),
      'link_signature_wrong',
      { headers: ['x-amz-acl', 'public-read'] },
    ],
    'with a header of Amazon in the query that was not signed': [
      `${signed()}&X-Amz-Acl=public-read`,
      'link_signature_wrong',
    ],
    'with a header of the answer that was not signed': [
      `${signed()}&response-content-type=text%2Fhtml`,
      'link_signature_wrong',
    ],
    'with such a header in another spelling': [
      `${signed()}&response-content-typ%65=text%2Fhtml`,
      'link_signature_wrong',
    ],
    'with a version that was not signed': [`${signed()}&versionId=1`, 'link_signature_wrong'],
    'with the path in another encoding': [
      signed().replace('a.mp4', '%61.mp4'),
      'link_signature_wrong',
    ],
    'for GET and used as HEAD': [signed(), 'link_signature_wrong', { context: { method: 'HEAD' } }],
    'for HEAD and used as GET': [signed({ method: 'HEAD' }), 'link_signature_wrong'],
    'for the permissions of an object': [
      signed({ resource: '/files/a.mp4?acl', more: 'acl' }),
      'link_resource_mismatch',
    ],
    'for a part of an object': [
      signed({ resource: '/files/a.mp4?partNumber=1', more: 'partNumber=1' }),
      'link_resource_mismatch',
    ],
    'with a header both in the query and in the request': [
      signed({ headers: 'x-amz-a:1\n', more: 'x-amz-a=1' }),
      'link_malformed',
      { headers: ['x-amz-a', '1'] },
    ],
    'with a header in the query twice': [
      signed({ headers: 'x-amz-a:1\n', more: 'x-amz-a=1&X-Amz-A=1' }),
      'link_malformed',
    ],
    'that would write a header of its own': [
      signed({
        resource: '/files/a.mp4?response-content-type=a\r\nb: c',
        more: 'response-content-type=a%0D%0Ab:%20c',
      }),
      'link_malformed',
    ],
    'with a line break in a header of the query': [
      signed({ headers: 'x-amz-a:1\nx-amz-b:2\n', more: 'x-amz-a=1%0Ax-amz-b%3A2' }),
      'link_malformed',
    ],
    'with a broken version': [signed({ more: 'versionId=%z' }), 'link_malformed'],
    'without an expiry': [signed().replace(/&Expires=\d+/, ''), 'link_malformed'],
    'without a signature': [signed().replace(/&Signature=.*/, ''), 'link_malformed'],
    'with an expiry in milliseconds': [signed({ expires: `${EXPIRES}000` }), 'link_malformed'],
    'with a sign in its expiry': [signed({ expires: `+${EXPIRES}` }), 'link_malformed'],
    'with a space in its expiry': [signed({ expires: ` ${EXPIRES}` }), 'link_malformed'],
    'with a fraction in its expiry': [signed({ expires: `${EXPIRES}.5` }), 'link_malformed'],
    'with a signature of hex': [
      signed().replace(/Signature=.*/, `Signature=${'zz'.repeat(20)}=`),
      'link_malformed',
    ],
    'with a plus that is not encoded, which is a space': [
      signed().replace(/Signature=.{4}/, 'Signature=++++'),
      'link_malformed',
    ],
    'with a short signature': [
      signed().replace(/Signature=.*/, 'Signature=AAAA'),
      'link_signature_wrong',
    ],
    'by a public key': [
      signed(),
      'link_key_unknown',
      { key: { ...pairKey('rsa', KID, 'RS256'), schemes: new Set(['s3-sigv2']) } },
    ],
  }

  it.each(Object.entries(rows))('%s', (_, [target, reason, asked]) => {
    expect(verify(target, asked)).toMatchObject({ outcome: 'refused', refusal: { reason } })
  })

  it.each(['AWSAccessKeyId', 'Expires', 'Signature', 'versionId', 'response-expires'])(
    'with %s twice, in any spelling',
    (name) => {
      const resource = '/files/a.mp4?response-expires=0&versionId=1'
      const target = signed({ resource, more: 'versionId=1&response-expires=0' })
      expect(verify(target).outcome).toBe('granted')
      const raw = new RegExp(`[?&](${name}=[^&]*)`).exec(target)?.[1] ?? ''
      const hidden = raw.replace(/^./, (first) => `%${first.charCodeAt(0).toString(16)}`)
      for (const twin of [raw, hidden]) {
        expect(verify(`${target}&${twin}`)).toMatchObject({
          refusal: { reason: 'link_malformed' },
        })
      }
    },
  )
})

describe('s3-sigv2', () => {
  it('leaves links alone that only share its names', () => {
    for (const query of ['Signature=x&Expires=1', 'GoogleAccessId=x&Signature=x&Expires=1']) {
      expect(makeScheme().find(contextOf(`/files/a?${query}`))).toEqual({ outcome: 'absent' })
    }
  })

  it('counts the links of two keys apart, though they sign the same text', () => {
    const other = { ...key, kid: 'AKIATHROWAWAY0000002' }
    const idOf = (target: string, used: Key): string | undefined => {
      const result = verify(target, { key: used })
      return result.outcome === 'granted' ? result.grant.countKey : undefined
    }
    const one = idOf(signed(), key)
    const two = idOf(signed().replace(KID, other.kid), other)
    expect([one === undefined, two === undefined, one === two]).toEqual([false, false, false])
  })

  it('mints with the bucket of the host', () => {
    const options = { addressing: 'virtual-host', endpointDomain: 'example' }
    const request = { path: '/files/a', expiresAt: NOW + 3600, constraints: {}, site: SITE }
    expect(makeScheme(options).sign(request, key)).toEqual({
      target: signed({ path: '/files/a', resource: '/cdn/files/a' }),
    })
  })

  it('shows what is signed', () => {
    const context = contextOf(signed())
    const carrier = { place: 'query', text: '' } as const
    expect(makeScheme().canonicalText(carrier, context)).toBe(`GET\n\n\n${EXPIRES}\n/files/a.mp4`)
    expect(makeScheme().canonicalText(carrier, contextOf('/files/a'))).toBeUndefined()
  })
})
