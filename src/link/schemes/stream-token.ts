import type { KeyObject } from 'node:crypto'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import {
  type ConstraintName,
  type Constraints,
  isCount,
  parseCount,
  readConstraint,
  writeConstraints,
} from '../constraints.ts'
import { type Grant, identify } from '../grant.ts'
import type { Key, KeyIdentity, KeyRing } from '../key-ring.ts'
import { MAX_AHEAD_SECONDS } from '../scheme.ts'
import { signedPart, signJws } from './jws.ts'
import { verifyRs256 } from './rs256-token.ts'

export const CLOUDFLARE_STREAM = 'cloudflare-stream'

/** As many rules as Cloudflare takes in one token. */
export const MAX_RULES = 5

/** What a token says whose signature held. */
export interface StreamToken {
  /** The id of the video. */
  readonly subject: string
  readonly expiresAt: EpochSeconds
  readonly isDownloadable: boolean
  readonly constraints: StreamConstraints
}

type StreamConstraints = Pick<Constraints, 'jti' | 'iat' | 'nbf' | 'accessRules'>

/** The constraints that a token has claims for. */
export const EXPRESSIBLE: ReadonlySet<ConstraintName> = new Set([
  'jti',
  'iat',
  'nbf',
  'accessRules',
])

export interface VerifiedStreamToken extends StreamToken {
  readonly key: Key
  /** The signed text, by which links are named and counted. */
  readonly signed: string
}

/** Checks signature and form of a token; times and rules are for the policy. */
export function verifyStreamToken(
  token: string,
  keys: KeyRing,
  now: EpochSeconds,
  maxRules = MAX_RULES,
): VerifiedStreamToken | Refusal {
  const verified = verifyRs256(token, CLOUDFLARE_STREAM, keys, now)
  if ('reason' in verified) return verified
  const { key, payload } = verified
  const claims = readClaims(payload, now, maxRules)
  return 'reason' in claims ? claims : { ...claims, key, signed: signedPart(token) }
}

function readClaims(
  { sub, exp, aud, downloadable = false, ...claims }: Record<string, unknown>,
  now: EpochSeconds,
  maxRules: number,
): StreamToken | Refusal {
  const malformed = (detail: string): Refusal => refuse('link_malformed', detail)
  // RFC 7519 section 4.1.3: who is not named in aud must reject the token
  if (aud !== undefined) return refuse('link_audience_mismatch', 'aud names somebody else')
  if (typeof sub !== 'string' || sub === '') return malformed('sub is missing or no text')
  const expiresAt = readSeconds(exp)
  if (!isCount(expiresAt)) return malformed('exp is missing or no whole number of seconds')
  if (expiresAt > now + MAX_AHEAD_SECONDS) return malformed('exp lies more than 10 years ahead')
  if (typeof downloadable !== 'boolean') return malformed('downloadable is neither true nor false')
  const constraints: Record<string, unknown> = {}
  for (const [name, value] of [
    ['jti', claims['jti']],
    ['iat', readSeconds(claims['iat'])],
    ['nbf', readSeconds(claims['nbf'])],
    ['accessRules', isEmptyList(claims['accessRules']) ? undefined : claims['accessRules']],
  ] as const) {
    if (value !== undefined && !readConstraint(constraints, name, value, 'json')) {
      return malformed(`the claim ${name} has no valid value`)
    }
  }
  const { accessRules = [] } = constraints as StreamConstraints
  if (accessRules.length > maxRules) return malformed(`more than ${maxRules} accessRules`)
  return { subject: sub, expiresAt, isDownloadable: downloadable, constraints }
}

/** Tokens that the platform issues carry their times as text. What is no time stays as it is. */
function readSeconds(value: unknown): unknown {
  return typeof value === 'string' ? (parseCount(value) ?? value) : value
}

/** No rule at all allows, as where none matches. */
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/** The grant of a token for one path; `more` comes from the request beside it. */
export function grantOfToken(
  { key, signed, expiresAt, constraints }: VerifiedStreamToken,
  path: string,
  more: Constraints = {},
): Grant {
  return {
    scheme: CLOUDFLARE_STREAM,
    key,
    ...identify(key, constraints.jti, signed),
    resource: { kind: 'exact', path },
    validUntil: expiresAt,
    constraints: { ...more, ...constraints },
  }
}

/** Signs a token in Cloudflare's form, with `kid` in header and payload. */
export function signStreamToken(
  { subject, expiresAt, isDownloadable, constraints }: StreamToken,
  key: KeyIdentity,
  signKey: KeyObject,
): string {
  const payload = {
    sub: subject,
    kid: key.kid,
    exp: expiresAt,
    ...(isDownloadable && { downloadable: true }),
    ...Object.fromEntries(writeConstraints(constraints, 'json')),
  }
  return signJws(payload, key, signKey)
}
