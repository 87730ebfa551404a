import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import type { Grant } from '../../../src/link/grant.ts'
import { KeyRing } from '../../../src/link/key-ring.ts'
import { SluiceHmac } from '../../../src/link/schemes/sluice-hmac.ts'
import { SluiceJwt } from '../../../src/link/schemes/sluice-jwt.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import { schemeContract } from '../../contract/scheme-contract.ts'
import { contextOf, NOW, pairKey, secretKey, SITE } from '../../support/request-parts.ts'

const hmac = new SluiceHmac({ isIgnored: (name) => name.startsWith('utm_') })
const jwt = new SluiceJwt({})
const LONG = Array.from({ length: 64 }, (_, i) =>
  parseNetwork(`2001:db8:1234:5678:9abc:def0:1234:${i}00/127`)!,
)

schemeContract('sluice-hmac', () => ({
  scheme: hmac,
  keys: [secretKey('k1', 1), secretKey('k2', 2)],
}))

schemeContract('sluice-jwt', () => ({
  scheme: jwt,
  keys: [
    secretKey('k1', 1),
    pairKey('rsa', 'rs', 'RS256'),
    pairKey('rsa', 'ps', 'PS256'),
    pairKey('ec', 'es', 'ES256'),
  ],
}))

describe('sluice-jwt', () => {
  it('a key without its private half cannot sign', () => {
    const key = { ...pairKey('rsa', 'rs', 'RS256'), signKey: undefined }
    const result = jwt.sign(
      { path: '/files/a', expiresAt: NOW + 60, constraints: {}, site: SITE },
      key,
    )
    expect(result).toMatchObject({ reason: 'link_key_unknown' })
  })

  it('what does not fit into a token is refused, never left out', () => {
    const accessRules = Array.from({ length: 4 }, () => ({
      type: 'ip.src' as const,
      action: 'allow' as const,
      ip: LONG,
    }))
    const request = { path: '/files/a', expiresAt: NOW + 60, constraints: { accessRules } }
    expect(jwt.sign({ ...request, site: SITE }, secretKey('k1', 1))).toMatchObject({
      reason: 'link_constraint_unsupported',
    })
  })

  it('a prefix is signed as a path token, and opens what lies below it', () => {
    const key = secretKey('k1', 1)
    const link = jwt.sign(
      { path: '/files/a%20b/*', expiresAt: NOW + 60, constraints: {}, site: SITE },
      key,
    )
    const target = 'target' in link ? link.target : ''
    expect(target).toMatch(/^\/~[\w.-]+\/files\/a%20b\/$/)
    const result = new LinkVerifier([jwt], new KeyRing([key])).verify(contextOf(`${target}c.mp4`))
    expect(result).toMatchObject({
      outcome: 'granted',
      grant: { resource: { kind: 'prefix', path: '/files/a b/' } },
    })
  })

  it('issuer and audience of the route are signed and asked for', () => {
    const key = secretKey('k1', 1)
    const named = new SluiceJwt({ issuer: 'https://i.example', audience: 'a' })
    const link = named.sign(
      { path: '/files/a', expiresAt: NOW + 60, constraints: {}, site: SITE },
      key,
    )
    const target = 'target' in link ? link.target : ''
    const reasonOf = (scheme: SluiceJwt): string => {
      const result = new LinkVerifier([scheme], new KeyRing([key])).verify(contextOf(target))
      return result.outcome === 'refused' ? result.refusal.reason : result.outcome
    }
    expect(reasonOf(named)).toBe('granted')
    expect(reasonOf(new SluiceJwt({ issuer: 'https://other.example', audience: 'a' }))).toBe(
      'link_issuer_mismatch',
    )
    expect(reasonOf(new SluiceJwt({ issuer: 'https://i.example', audience: 'b' }))).toBe(
      'link_audience_mismatch',
    )
    expect(reasonOf(new SluiceJwt({}))).toBe('link_audience_mismatch')
  })

  it('the other ECDSA signature that its holder can write is the same link, for counting and revoking', () => {
    const key = pairKey('ec', 'es', 'ES256')
    const link = jwt.sign(
      { path: '/files/a', expiresAt: NOW + 60, constraints: { multi_use: false }, site: SITE },
      key,
    )
    const target = 'target' in link ? link.target : ''
    const [head, body, signature] = target.slice(target.indexOf('=') + 1).split('.')
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const bytes = Buffer.from(signature ?? '', 'base64url')
    const s = order - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const twin = Buffer.concat([
      bytes.subarray(0, 32),
      Buffer.from(s.toString(16).padStart(64, '0'), 'hex'),
    ])
    const verifier = new LinkVerifier([jwt], new KeyRing([key]))
    const grant = (token: string): Grant => {
      const result = verifier.verify(contextOf(`/files/a?token=${token}`))
      if (result.outcome !== 'granted') throw new Error(result.outcome)
      return result.grant
    }
    const one = grant(`${head}.${body}.${signature}`)
    const two = grant(`${head}.${body}.${twin.toString('base64url')}`)
    expect([two.countKey, two.linkId]).toEqual([one.countKey, one.linkId])
  })

  it('an iat of 0 is signed as 0, and none is signed where none was asked for', () => {
    const key = secretKey('k1', 1)
    const verifier = new LinkVerifier([jwt], new KeyRing([key]))
    for (const constraints of [{ iat: 0 }, {}]) {
      const link = jwt.sign({ path: '/files/a', expiresAt: NOW + 60, constraints, site: SITE }, key)
      const result = verifier.verify(contextOf('target' in link ? link.target : ''))
      expect(result.outcome === 'granted' && result.grant.constraints).toEqual(constraints)
    }
  })

  it('the same token is the same link wherever it is carried', () => {
    const key = secretKey('k1', 1)
    const link = jwt.sign(
      { path: '/files/a', expiresAt: NOW + 60, constraints: {}, site: SITE },
      key,
    )
    const token = ('target' in link ? link.target : '').split('=')[1] ?? ''
    const verifier = new LinkVerifier([jwt], new KeyRing([key]))
    const contexts = [
      contextOf(`/files/a?token=${token}`),
      contextOf(`/~${token}/files/a`),
      contextOf('/files/a', { headers: { Cookie: `sluice_token=${token}` } }),
      contextOf('/files/a', { headers: { Authorization: `Bearer ${token}` } }),
    ]
    const counted = contexts.map((context) => {
      const result = verifier.verify(context)
      return result.outcome === 'granted' ? result.grant.countKey : result.outcome
    })
    expect(new Set(counted).size).toBe(1)
    expect(counted[0]).toMatch(/^[\w-]{43}$/)
  })
})

it('links are counted apart by key, id and, without an id, by everything that was signed', () => {
  const keys = [secretKey('k1', 1), secretKey('k2', 2)]
  const verifier = new LinkVerifier([hmac], new KeyRing(keys))
  const keyOf = (
    i: number,
    constraints: { jti?: string; subject?: string },
    path = '/files/a',
    suffix = '',
  ): string => {
    const link = hmac.sign({ path, expiresAt: NOW + 60, constraints, site: SITE }, keys[i]!)
    const result = verifier.verify(contextOf(('target' in link ? link.target : '') + suffix))
    return result.outcome === 'granted' ? result.grant.countKey : result.outcome
  }
  expect(keyOf(0, { jti: 'x' })).toBe(keyOf(0, { jti: 'x', subject: 'y' }))
  expect(keyOf(0, { jti: 'x' })).not.toBe(keyOf(1, { jti: 'x' }))
  expect(keyOf(0, {})).not.toBe(keyOf(1, {}))
  expect(keyOf(0, {})).not.toBe(keyOf(0, {}, '/files/b'))
  expect(keyOf(0, {})).toBe(keyOf(0, {}, '/files/a', '&utm_source=x'))
})
