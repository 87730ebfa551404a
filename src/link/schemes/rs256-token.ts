import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isJsonObject, isSignedBy, readJws } from './jws.ts'

/** The one algorithm of the video platforms. */
export const RS256 = 'RS256'

const MAX_TOKEN = 8192

/** A token whose signature held; its claims are not read yet. */
export interface SignedClaims {
  readonly key: Key
  readonly payload: Readonly<Record<string, unknown>>
}

/** Checks a JWT with RS256 whose `kid` stands in its header, in its payload, or alike in both. */
export function verifyRs256(
  token: string,
  scheme: string,
  keys: KeyRing,
  now: EpochSeconds,
): SignedClaims | Refusal {
  if (token.length > MAX_TOKEN) {
    return refuse('link_malformed', `the token is longer than ${MAX_TOKEN} bytes`)
  }
  const jws = readJws(token)
  if ('reason' in jws) return jws
  const payload = jws.payload()
  if (!isJsonObject(payload)) {
    return refuse('link_malformed', 'the payload is no JSON object with unique names')
  }
  const { alg, kid = payload['kid'] } = jws.header
  if (typeof kid !== 'string' || kid !== (payload['kid'] ?? kid)) {
    return refuse('link_malformed', 'kid is missing, or header and payload name different keys')
  }
  const key = keys.find(kid, scheme, now)
  if (key?.alg !== alg || alg !== RS256 || key.verifyKey.asymmetricKeyType !== 'rsa') {
    return refuse('link_key_unknown', 'no such key')
  }
  if (!isSignedBy(token, key)) return refuse('link_signature_wrong', 'the signature does not hold')
  return { key, payload }
}
