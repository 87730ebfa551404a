import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readKeySet } from '../../../src/jwks/read-key-set.ts'

const jwkOf = (key: { export(options: { format: 'jwk' }): JsonWebKey }): JsonWebKey =>
  key.export({ format: 'jwk' })
const RSA = jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)
const P256 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
const P521 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey)

function read(keys: readonly unknown[], schemes = ['sluice-jwt']) {
  const found = readKeySet(JSON.stringify({ keys }), schemes, 'https://idp.example/')
  if (!found) throw new Error('no JWK Set')
  return {
    keys: found.keys.map(({ kid, alg }) => `${kid} ${alg}`),
    leftOut: found.leftOut,
    raw: found.keys,
  }
}

describe('a published JWK Set', () => {
  it('gives keys that verify for the schemes named, and sign nothing', () => {
    const { raw, leftOut } = read([{ ...RSA, kid: 'a', alg: 'RS256', use: 'sig' }])
    expect(leftOut).toEqual([])
    expect(raw).toMatchObject([{ kid: 'a', alg: 'RS256', signKey: undefined }])
    expect([...(raw[0]?.schemes ?? [])]).toEqual(['sluice-jwt'])
    expect(raw[0]?.verifyKey.type).toBe('public')
  })

  it('has the usual algorithm of a key that names none', () => {
    expect(
      read([
        { ...RSA, kid: 'r' },
        { ...P256, kid: 'e' },
        { ...P521, kid: 'f' },
      ]).keys,
    ).toEqual(['r RS256', 'e ES256', 'f ES512'])
  })

  it('keeps a kid of any printable characters', () => {
    expect(read([{ ...P256, kid: 'https://idp/keys/1?a=b' }]).keys).toEqual([
      'https://idp/keys/1?a=b ES256',
    ])
  })

  it('passes over keys for encryption without a word', () => {
    expect(read([{ ...RSA, kid: 'a', use: 'enc', alg: 'RSA-OAEP' }])).toMatchObject({
      keys: [],
      leftOut: [],
    })
  })

  it.each<[string, object, string]>([
    ['a secret', { kty: 'oct', kid: 'a', k: 'c2VjcmV0', alg: 'HS256' }, 'a secret is no secret'],
    ['no kid', RSA, 'a key has no usable kid'],
    ['a kid with a line end', { ...RSA, kid: 'a\nb' }, 'a key has no usable kid'],
    ['an unknown kty', { kty: 'AKP', kid: 'a' }, 'no key is of this kty (kid a)'],
    ['an unknown alg', { ...RSA, kid: 'a', alg: 'RSA-OAEP' }, 'no scheme knows its alg'],
    ['an alg of another kty', { ...RSA, kid: 'a', alg: 'HS256' }, 'no scheme knows its alg'],
    ['another curve', { ...P521, kid: 'a', alg: 'ES256' }, 'ES256 needs the curve P-256 (kid a)'],
    ['an unknown curve', { ...P256, crv: 'secp256k1', kid: 'a' }, 'no scheme knows its alg'],
    ['broken members', { ...RSA, n: 'AAAA', kid: 'a' }, 'kid a'],
    [
      'a weak key',
      {
        ...jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
        kid: 'a',
      },
      'an RSA key needs at least 2048 bits',
    ],
  ])('leaves %s out and keeps the others', (_what, key, why) => {
    const found = read([key, { ...P256, kid: 'good' }])
    expect(found.keys).toEqual(['good ES256'])
    expect(found.leftOut).toEqual([expect.stringContaining(why)])
  })

  it('leaves out a key whose algorithm none of its schemes can use', () => {
    const ed = jwkOf(generateKeyPairSync('ed25519').publicKey)
    expect(read([{ ...ed, kid: 'ed' }])).toMatchObject({
      keys: [],
      leftOut: ['sluice-jwt cannot use EdDSA (kid ed)'],
    })
    expect(read([{ ...P256, kid: 'e' }], ['cloudflare-stream', 'sluice-jwt']).raw).toMatchObject([
      { schemes: new Set(['sluice-jwt']) },
    ])
  })

  it('gives each kid once', () => {
    expect(
      read([
        { ...P256, kid: 'a' },
        { ...RSA, kid: 'a' },
      ]),
    ).toMatchObject({ keys: ['a ES256'], leftOut: ['the kid a comes twice'] })
  })

  it('never signs with a private half that was published by mistake', () => {
    const whole = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    const [key] = read([{ ...whole, kid: 'a' }]).raw
    expect([key?.signKey, key?.verifyKey.type]).toEqual([undefined, 'public'])
  })

  it.each([
    '',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":[1]}',
    '{"keys":[{}]}',
    '{"keys":[],"keys":[]}',
    '<html>',
    `{"keys":[${Array.from({ length: 1001 }, () => '{"kty":"RSA"}').join()}]}`,
  ])('%.40s is none', (text) => {
    expect(readKeySet(text, ['sluice-jwt'], '')).toBeUndefined()
  })
})
