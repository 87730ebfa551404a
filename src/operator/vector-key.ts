import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { Key } from '../link/key-ring.ts'

/** A key of a test vector, in the writing of whoever made it. */
export interface VectorKey {
  readonly id: string
  readonly type: 'secret' | 'jwk' | 'rsa' | 'ec' | 'ed25519'
  /** Of a secret: how its value is written. */
  readonly encoding?: 'utf8' | 'hex' | 'base64' | 'base64url' | 'base64url-padded'
  readonly alg?: string
  readonly use?: string
  readonly issuer?: string
  readonly value?: string | JsonWebKey
  readonly jwk?: JsonWebKey
  readonly publicKeyPem?: string
  readonly publicKeyBase64Url?: string
}

/** The algorithm of a key that does not name one. */
const USUAL = { secret: 'HS256', jwk: 'HS256', rsa: 'RS256', ec: 'ES256', ed25519: 'EdDSA' }

export function vectorKey(key: VectorKey, format: string): Key {
  return {
    kid: key.id,
    alg: key.alg ?? USUAL[key.type],
    schemes: new Set([format]),
    notBefore: undefined,
    retireAt: undefined,
    verifyKey: keyObject(key),
    signKey: undefined,
    ...(key.use !== undefined && { use: key.use }),
    ...(key.issuer !== undefined && { issuer: key.issuer }),
  }
}

function keyObject({ type, encoding = 'utf8', value, ...key }: VectorKey): KeyObject {
  if (type === 'secret' && typeof value === 'string') {
    const bufferEncoding = encoding === 'base64url-padded' ? 'base64url' : encoding
    return createSecretKey(Buffer.from(value, bufferEncoding))
  }
  if (key.publicKeyPem !== undefined) return createPublicKey(key.publicKeyPem)
  const jwk =
    key.publicKeyBase64Url === undefined
      ? (key.jwk ?? value)
      : { kty: 'OKP', crv: 'Ed25519', x: key.publicKeyBase64Url.replace(/=+$/, '') }
  return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
}
