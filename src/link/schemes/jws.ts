import type { KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { decodeBase64Url } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { parseStrictJson } from '../../base/strict-json.ts'
import type { Key, KeyIdentity } from '../key-ring.ts'

/** A token in JWS compact form (RFC 7515), cut and decoded. Nothing that it says is proven yet. */
export interface Jws {
  readonly header: JwsHeader
  /** The payload as JSON; undefined when it is none or names a member twice. */
  readonly payload: () => unknown
}

export interface JwsHeader {
  readonly alg: string
  readonly kid: string | undefined
}

/** Cuts a token of three parts and reads its header. */
export function readJws(token: string): Jws | Refusal {
  const parts = token.split('.')
  const [header, payload, signature] = parts.map(decodeBase64Url)
  if (parts.length !== 3 || !header || !payload || !signature) {
    return refuse('link_malformed', 'the token is no JWS in compact form')
  }
  const read = readHeader(parseStrictJson(header.toString()))
  if ('reason' in read) return read
  return { header: read, payload: () => parseStrictJson(payload.toString()) }
}

/** RFC 7515 section 4.1: the header selects a key and must not bring one, nor demand what we don't know. */
function readHeader(header: unknown): JwsHeader | Refusal {
  if (!isJsonObject(header)) return refuse('link_malformed', 'the header is no JSON object')
  const { alg, kid, typ } = header
  for (const name of ['crit', 'jwk', 'jku', 'x5u', 'x5c', 'b64', 'enc', 'zip']) {
    if (Object.hasOwn(header, name)) return refuse('link_malformed', `the header carries ${name}`)
  }
  if (typ !== undefined && (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT')) {
    return refuse('link_malformed', 'typ is not JWT')
  }
  if (typeof alg !== 'string') return refuse('link_malformed', 'alg is missing')
  if (kid !== undefined && typeof kid !== 'string')
    return refuse('link_malformed', 'kid is no text')
  return { alg, kid }
}

/** Whether the key signed the token. The algorithm is the key's, never the token's. */
export function isSignedBy(token: string, key: Key): boolean {
  try {
    jwt.verify(token, key.verifyKey, {
      algorithms: [key.alg as jwt.Algorithm],
      ignoreExpiration: true,
      ignoreNotBefore: true,
    })
    return true
  } catch {
    return false
  }
}

/** Signs a payload; `signKey` is the private half of the key. */
export function signJws(payload: object, key: KeyIdentity, signKey: KeyObject): string {
  const alg = key.alg as jwt.Algorithm
  // as text: of an object the library would replace an iat of 0 by the system's time
  return jwt.sign(JSON.stringify(payload), signKey, {
    algorithm: alg,
    keyid: key.kid,
    header: { alg, typ: 'JWT' },
  })
}

/**
 * What a token is counted and named by. Without the signature: whoever holds an ECDSA signature (r, s)
 * can write (r, n - s), which holds too.
 */
export function signedPart(token: string): string {
  return token.slice(0, token.lastIndexOf('.'))
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
