import { createSecretKey, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Key, KeyRing } from '../../../../src/link/key-ring.ts'
import { gcsV4 } from '../../../../src/link/schemes/gcs-v4.ts'
import type { Scheme, Verification } from '../../../../src/link/scheme.ts'
import { LinkVerifier } from '../../../../src/link/verify-link.ts'
import type { RequestContext } from '../../../../src/request/request-context.ts'
import { readHeaders } from '../../../../src/request/request-headers.ts'
import { linkFormatContract } from '../../../contract/link-format-contract.ts'
import { contextOf, NOW, pairKey, secretKey, SITE } from '../../../support/request-parts.ts'
import { signV4, type V4Parts } from '../../../support/v4-signer.ts'

const ACCOUNT = 'signer@project.iam.gserviceaccount.com'
const ACCESS_ID = 'GOOG1ETHROWAWAY'
const SECRET = 'not-a-real-hmac-secret'
const SCHEMES = new Set(['gcs-v4'])

const rsa: Key = { ...pairKey('rsa', ACCOUNT, 'RS256'), schemes: SCHEMES }
const secret = createSecretKey(Buffer.from(SECRET))
const hmac: Key = secretKey(ACCESS_ID, 0, { schemes: SCHEMES, verifyKey: secret, signKey: secret })

function makeScheme(options: Record<string, unknown> = {}): Scheme {
  return gcsV4.create(gcsV4.options.parse(options), { isIgnored: () => true })
}

function verify(
  target: string,
  context: Partial<RequestContext> = {},
  options: Record<string, unknown> = {},
  keys: readonly Key[] = [rsa, hmac],
): Verification {
  const asked = { ...contextOf(target), ...context }
  return new LinkVerifier([makeScheme(options)], new KeyRing(keys)).verify(asked)
}

function byAccount(parts: Partial<V4Parts> = {}): string {
  return signV4({ prefix: 'X-Goog-', keyId: ACCOUNT, ...parts }, rsa.signKey as KeyObject)
}

function bySecret(parts: Partial<V4Parts> = {}): string {
  return signV4({ prefix: 'X-Goog-', keyId: ACCESS_ID, ...parts }, SECRET)
}

linkFormatContract('gcs-v4', () => ({
  scheme: makeScheme(),
  keys: [rsa, hmac],
  maxSeconds: 3 * 86_400,
  narrow: ({ iat, nbf }) =>
    nbf === undefined
      ? iat === undefined
        ? {}
        : { iat: NOW - (iat % 86_400) }
      : { nbf: NOW - (nbf % 86_400) },
}))

describe('a link of gcs-v4', () => {
  it.each([
    ['a service account', byAccount()],
    ['an HMAC key', bySecret()],
  ])('by %s begins at its date', (_, target) => {
    expect(verify(target)).toMatchObject({
      outcome: 'granted',
      grant: { validUntil: NOW + 3600, constraints: { iat: NOW, nbf: NOW } },
    })
  })

  it('signs runs of tabs in a header as one space', () => {
    const target = byAccount({ headers: { tabs: 'abc def' } })
    const headers = readHeaders(['Tabs', '\tabc\t\t\t\tdef\t'])
    expect(verify(target, { headers }).outcome).toBe('granted')
  })

  it('is for an object, not for its permissions', () => {
    expect(verify(bySecret({ more: [['acl', 'acl=']] }))).toMatchObject({
      refusal: { reason: 'link_resource_mismatch' },
    })
  })

  it.each([
    ['a host with its port', 'cdn.example:8443', true],
    ['a host without it', 'cdn.example', true],
    ['another port', 'cdn.example:8444', false],
    ['another host', 'www.example', false],
  ])('may sign %s', (_, host, isGood) => {
    const context = { site: { ...SITE, host: 'cdn.example:8443' } }
    for (const target of [byAccount({ host }), bySecret({ host })]) {
      expect(verify(target, context).outcome).toBe(isGood ? 'granted' : 'refused')
    }
  })

  it('that signs a port is not for a host without one', () => {
    expect(verify(byAccount({ host: 'cdn.example:8443' })).outcome).toBe('refused')
  })

  it('signs the digest of the payload by its header alone', () => {
    const digest = 'a'.repeat(64)
    const headers = readHeaders(['X-Goog-Content-SHA256', digest])
    expect(verify(bySecret({ payloadHash: digest }), { headers }).outcome).toBe('granted')
    const inQuery = { fields: { 'Content-Sha256': digest } }
    expect(verify(bySecret({ ...inQuery, payloadHash: digest })).outcome).toBe('refused')
    expect(verify(bySecret(inQuery)).outcome).toBe('granted')
  })

  it('is for the location that the route names', () => {
    expect(verify(byAccount(), {}, { location: 'auto' }).outcome).toBe('granted')
    expect(verify(byAccount(), {}, { location: 'us' })).toMatchObject({
      refusal: { reason: 'link_malformed' },
    })
  })

  it('answers HEAD only where the route says so', () => {
    const head = { method: 'HEAD' }
    expect(verify(byAccount(), head)).toMatchObject({
      refusal: { reason: 'link_signature_wrong' },
    })
    expect(verify(byAccount(), head, { headAsGet: true }).outcome).toBe('granted')
  })

  it('may count from some seconds before its date', () => {
    expect(verify(byAccount(), {}, { clockSkewSeconds: 60 })).toMatchObject({
      grant: { constraints: { nbf: NOW - 60 } },
    })
  })
})

describe('the key of a link of gcs-v4', () => {
  it('decides on the algorithm, not the link', () => {
    const asHmac = byAccount({ fields: { Algorithm: 'GOOG4-HMAC-SHA256' } })
    const asRsa = bySecret({ fields: { Algorithm: 'GOOG4-RSA-SHA256' } })
    const none = bySecret({ fields: { Algorithm: 'none' } })
    for (const target of [asHmac, asRsa, none]) {
      expect(verify(target)).toMatchObject({ refusal: { reason: 'link_key_unknown' } })
    }
  })

  it('is no HMAC secret where it is public', () => {
    const pem = rsa.verifyKey.export({ type: 'spki', format: 'pem' }) as string
    const target = signV4({ prefix: 'X-Goog-', keyId: ACCOUNT }, pem)
    expect(verify(target)).toMatchObject({ refusal: { reason: 'link_key_unknown' } })
  })

  it('is no elliptic curve', () => {
    const ec = { ...pairKey('ec', ACCOUNT, 'ES256'), schemes: SCHEMES }
    expect(verify(byAccount(), {}, {}, [ec])).toMatchObject({
      refusal: { reason: 'link_key_unknown' },
    })
    const request = { path: '/files/a', expiresAt: NOW + 60, constraints: {}, site: SITE }
    expect(makeScheme().sign(request, ec)).toMatchObject({ reason: 'link_key_unknown' })
  })

  it('needs its private half to sign', () => {
    const request = { path: '/files/a', expiresAt: NOW + 60, constraints: {}, site: SITE }
    expect(makeScheme().sign(request, { ...rsa, signKey: undefined })).toMatchObject({
      reason: 'link_key_unknown',
    })
  })

  it.each(['', '00', 'ff'.repeat(255), 'ff'.repeat(256), 'FF'.repeat(256)])(
    'signed no %s',
    (hex) => {
      const target = byAccount().replace(/[0-9a-f]{512}$/, hex)
      expect(verify(target).outcome).toBe('refused')
    },
  )
})

it('a minted link signs the host without its port, as the libraries of Google do', () => {
  const site = { ...SITE, host: 'cdn.example:8443' }
  const request = { path: '/files/a%20b', expiresAt: NOW + 60, constraints: { nbf: NOW }, site }
  const link = makeScheme().sign(request, rsa)
  if ('reason' in link) throw new Error(link.detail)
  expect(link.target).toContain('X-Goog-Date=20270115T080000Z&X-Goog-Expires=60&')
  expect(verify(link.target, { site }).outcome).toBe('granted')
  expect(verify(link.target).outcome).toBe('granted')
})
