import { type KeyObject, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { gcsV2 } from '../../../../src/link/schemes/gcs-v2.ts'
import type { Scheme, Verification } from '../../../../src/link/scheme.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import type { RequestContext } from '../../../../src/request/request-context.ts'
import { readHeaders } from '../../../../src/request/request-headers.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { contextOf, NOW, pairKey, secretKey, SITE } from '../../../support/request-parts.ts'

const ACCOUNT = 'signer@project.iam.gserviceaccount.com'
const SCHEMES = new Set(['gcs-v2'])
const key: Key = { ...pairKey('rsa', ACCOUNT, 'RS256'), schemes: SCHEMES }

function makeScheme(options: Record<string, unknown> = {}): Scheme {
  return gcsV2.create(gcsV2.options.parse(options), { isIgnored: () => true })
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

/** A target signed by the documented formula, written out. */
function signed(text: string, path = '/files/a.mp4'): string {
  const signature = sign('sha256', Buffer.from(text, 'latin1'), key.signKey as KeyObject)
  const value = encodeURIComponent(signature.toString('base64'))
  const account = encodeURIComponent(ACCOUNT)
  return `${path}?GoogleAccessId=${account}&Expires=${NOW + 3600}&Signature=${value}`
}

const PLAIN = `GET\n\n\n${NOW + 3600}\n/files/a.mp4`

linkFormatContract('gcs-v2', () => ({ scheme: makeScheme(), keys: [key] }))

describe('a link of gcs-v2', () => {
  const virtual = { addressing: 'virtual-host' }
  const at = (host: string): Partial<RequestContext> => ({ site: { ...SITE, host } })
  const rows: Record<string, [string, Asked?]> = {
    'opens its path': [PLAIN],
    'opens it on any host': [PLAIN, { context: at('other.example') }],
    'signs two headers of the request': [
      `GET\nq1w2\ntext/plain\n${NOW + 3600}\n/files/a.mp4`,
      { headers: ['Content-MD5', 'q1w2', 'Content-Type', 'text/plain'] },
    ],
    'signs the headers of Google, runs of spaces as one': [
      `GET\n\n\n${NOW + 3600}\nx-goog-a:1,2\nx-goog-b:x y\n/files/a.mp4`,
      { headers: ['X-Goog-B', ' x   y', 'X-Goog-A', '1', 'x-goog-a', '2', 'x-amz-a', 'free'] },
    ],
    'signs the bucket of a host': [
      `GET\n\n\n${NOW + 3600}\n/media/files/a.mp4`,
      { options: virtual, context: at('media.storage.googleapis.com') },
    ],
    'signs the bucket of a host of Google, without a word on it': [
      `GET\n\n\n${NOW + 3600}\n/media/files/a.mp4`,
      { context: at('media.storage.googleapis.com') },
    ],
    'signs the host as bucket': [
      `GET\n\n\n${NOW + 3600}\n/cdn.example/files/a.mp4`,
      { options: virtual },
    ],
    'may answer HEAD': [PLAIN, { context: { method: 'HEAD' }, options: { headAsGet: true } }],
  }

  it.each(Object.entries(rows))('%s', (_, [text, asked]) => {
    expect(verify(signed(text), asked)).toMatchObject({
      outcome: 'granted',
      grant: { validUntil: NOW + 3600, key: { kid: ACCOUNT } },
    })
  })

  it('leaves the query free and reads nothing of it', () => {
    const free = 'response-content-type=text%2Fhtml&acl&x-goog-a=1&generation=1&a=%zz'
    const result = verify(`${signed(PLAIN)}&${free}`)
    if (result.outcome !== 'granted') throw new Error(JSON.stringify(result))
    expect(result.grant.response).toBeUndefined()
  })
})

describe('a link of gcs-v2 is refused', () => {
  const rows: Record<string, [string, string, Asked?]> = {
    'on another path': [signed(PLAIN, '/files/b.mp4'), 'link_signature_wrong'],
    'with another encoding of its path': [signed(PLAIN, '/files/%61.mp4'), 'link_signature_wrong'],
    'as HEAD': [signed(PLAIN), 'link_signature_wrong', { context: { method: 'HEAD' } }],
    'with a header of Google that was not signed': [
      signed(PLAIN),
      'link_signature_wrong',
      { headers: ['x-goog-a', '1'] },
    ],
    'by a secret': [
      signed(PLAIN),
      'link_key_unknown',
      { key: secretKey(ACCOUNT, 1, { schemes: SCHEMES }) },
    ],
    'by an elliptic curve': [
      signed(PLAIN),
      'link_key_unknown',
      { key: { ...pairKey('ec', ACCOUNT, 'ES256'), schemes: SCHEMES } },
    ],
    'with another expiry': [
      signed(PLAIN).replace(`${NOW + 3600}`, `${NOW + 3601}`),
      'link_signature_wrong',
    ],
    'with a signature of base64url': [signed(PLAIN).replace(/%2[BF]/g, '-'), 'link_malformed'],
    'without a signature': [signed(PLAIN).replace(/&Signature=.*/, ''), 'link_malformed'],
    'with its account twice': [`${signed(PLAIN)}&GoogleAccessId=x`, 'link_malformed'],
    'with its expiry twice': [`${signed(PLAIN)}&Expires=1`, 'link_malformed'],
    'with its signature twice': [`${signed(PLAIN)}&%53ignature=1`, 'link_malformed'],
  }

  it.each(Object.entries(rows))('%s', (_, [target, reason, asked]) => {
    expect(verify(target, asked)).toMatchObject({ outcome: 'refused', refusal: { reason } })
  })
})

it('gcs-v2 leaves links alone that only share its names', () => {
  const target = '/files/a?AWSAccessKeyId=x&Signature=x&Expires=1'
  expect(makeScheme().find(contextOf(target))).toEqual({ outcome: 'absent' })
})

it('gcs-v2 needs a private key to sign', () => {
  const request = { path: '/files/a', expiresAt: NOW + 60, constraints: {}, site: SITE }
  expect(makeScheme().sign(request, { ...key, signKey: undefined })).toMatchObject({
    reason: 'link_key_unknown',
  })
})
