import { decodeBase64 } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { type Constraints, isCount, readConstraint } from '../constraints.ts'
import { type CborMap, isMap } from './cbor.ts'

/** Claims by name, as a JWT carries them. */
export type WmtClaims = Readonly<Record<string, unknown>>

/** The keys that a CWT has for them (ETSI TS 104 002 table 1, RFC 8392 section 4). */
const KEYS = new Map<number | string, string>([
  [1, 'iss'],
  [2, 'sub'],
  [3, 'aud'],
  [4, 'exp'],
  [5, 'nbf'],
  [6, 'iat'],
  [7, 'jti'],
  [300, 'wmver'],
  [301, 'wmvnd'],
  [302, 'wmpatlen'],
  [303, 'wmsegduration'],
  [304, 'wmpattern'],
  [305, 'wmid'],
  [306, 'wmopid'],
  [307, 'wmkeyver'],
])

/** The claims of a CWT by name. What has no name here is information for others. */
export function nameClaims(claims: CborMap): WmtClaims {
  const named: Record<string, unknown> = {}
  for (const [key, value] of claims) {
    const name = KEYS.get(key)
    if (name === undefined) continue
    named[name] = name === 'jti' && Buffer.isBuffer(value) ? value.toString('hex') : value
  }
  return named
}

/** Why the watermark of a token is not understood, or undefined. */
export function checkWatermark(claims: WmtClaims): Refusal | undefined {
  const { wmver, wmvnd, wmpatlen, wmsegduration, wmpattern, wmid, wmopid, wmkeyver } = claims
  if (wmver !== 1) return odd('wmver is not 1')
  if (!isCount(wmvnd)) return odd('wmvnd is missing or no number')
  if (!isCount(wmpatlen) || wmpatlen === 0) return odd('wmpatlen is missing or no length')
  if (wmsegduration !== undefined && !isDuration(wmsegduration)) {
    return odd('wmsegduration is no pair of ticks and timescale')
  }
  if ((wmpattern === undefined) === (wmid === undefined)) {
    return odd('a token has either wmpattern or wmid')
  }
  if (wmpattern !== undefined) {
    return isPattern(wmpattern) ? undefined : odd('wmpattern is no pattern')
  }
  const isNamed = (typeof wmid === 'string' || Buffer.isBuffer(wmid)) && wmid.length > 0
  return isNamed && isCount(wmopid) && isCount(wmkeyver)
    ? undefined
    : odd('wmid goes with wmopid and wmkeyver')
}

function isDuration(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length === 2 && value.every((part) => isCount(part) && part > 0)
  )
}

/** Bytes, base64 of them in a JWT, or a COSE_Encrypt0 message (RFC 9052 section 5.2). */
function isPattern(value: unknown): boolean {
  if (typeof value === 'string') {
    const bytes = decodeBase64(value, /[+/]/.test(value) ? 'base64' : 'base64url')
    return bytes !== undefined && bytes.length > 0
  }
  if (Buffer.isBuffer(value)) return value.length > 0
  const message = isEncrypt0(value) ? value.value : value
  return (
    Array.isArray(message) &&
    message.length === 3 &&
    Buffer.isBuffer(message[0]) &&
    isMap(message[1]) &&
    Buffer.isBuffer(message[2])
  )
}

function isEncrypt0(value: unknown): value is { readonly tag: 16; readonly value: unknown } {
  return typeof value === 'object' && value !== null && 'tag' in value && value.tag === 16
}

/** The constraints of a token; its other claims are for who chooses the variant. */
export function readWmtConstraints(claims: WmtClaims): Constraints | Refusal {
  const constraints: Record<string, unknown> = {}
  for (const [name, claim] of [
    ['jti', 'jti'],
    ['iat', 'iat'],
    ['nbf', 'nbf'],
    ['subject', 'sub'],
  ] as const) {
    const value = claims[claim]
    if (value !== undefined && !readConstraint(constraints, name, value, 'json')) {
      return odd(`the claim ${claim} has no valid value`)
    }
  }
  return constraints
}

function odd(detail: string): Refusal {
  return refuse('link_malformed', detail)
}
