import type { KeyObject } from 'node:crypto'
import { digestText, shortDigest } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import {
  type Constraints,
  isCount,
  parseCount,
  readConstraint,
  writeConstraints,
} from '../constraints.ts'
import type { Grant } from '../grant.ts'
import type { Key, KeyIdentity, KeyRing } from '../key-ring.ts'
import { rawParameters } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  MAX_AHEAD_SECONDS,
  type Scheme,
  type SignedLink,
  type Verified,
} from '../scheme.ts'
import { isJsonObject, isSignedBy, readJws, signedPart, signJws } from './jws.ts'

export const CLOUDFLARE_STREAM = 'cloudflare-stream'

const ALGORITHM = 'RS256'
const MAX_TOKEN = 8192
/** As many rules as Cloudflare takes in one token. */
const MAX_RULES = 5
/** A part that is missing does not make it no token: what looks like one is refused, not passed over. */
const TOKEN_SHAPE = /^eyJ[\w-]*\.[\w-]*(?:\.[\w-]*)?$/

export interface CloudflareStreamOptions {
  /** Where the token stands: in the place of the video's id (default), or in a parameter. */
  readonly location?: 'path' | 'query' | undefined
  /** The parameter of `location: query`; default `token`. */
  readonly param?: string | undefined
  /** Where the path holds the video's id beside a parameter: group 1. Default: the first segment. */
  readonly subjectFromPath?: string | undefined
  /** Paths with this part need `downloadable: true`. */
  readonly downloadPath?: string | undefined
  readonly maxRules?: number | undefined
}

/**
 * Tokens of Cloudflare Stream: a JWT with RS256 whose `sub` is the id of a video, in the place of that
 * id in the path, or in a parameter. `kid` stands in the header or in the payload.
 */
export class CloudflareStream implements Scheme {
  readonly name = CLOUDFLARE_STREAM
  readonly #parameter: string | undefined
  readonly #subject: RegExp
  readonly #downloadPath: string | undefined
  readonly #maxRules: number

  constructor(options: CloudflareStreamOptions) {
    const { location, param = 'token', subjectFromPath = '^/([^/]+)/', downloadPath } = options
    this.#parameter = location === 'query' ? param : undefined
    this.#subject = new RegExp(subjectFromPath)
    this.#downloadPath = downloadPath
    this.#maxRules = options.maxRules ?? MAX_RULES
  }

  find({ target, path }: RequestContext): Found {
    if (this.#parameter === undefined) {
      const first = path.split('/')[1] ?? ''
      return TOKEN_SHAPE.test(first)
        ? { outcome: 'found', carrier: { place: 'path', text: `${first} ${path}` } }
        : ABSENT
    }
    const tokens = rawParameters(target.rawQuery ?? '').filter(
      ({ name }) => name === this.#parameter,
    )
    const [token] = tokens
    if (!token) return ABSENT
    if (tokens.length > 1) {
      const refusal = refuse('link_ambiguous', 'the request carries several tokens')
      return { outcome: 'refused', refusal }
    }
    return { outcome: 'found', carrier: { place: 'query', text: `${token.value} ${path}` } }
  }

  verify(carrier: Carrier, keys: KeyRing, now: EpochSeconds): Verified {
    const space = carrier.text.indexOf(' ')
    const path = carrier.text.slice(space + 1)
    const token = verifyStreamToken(carrier.text.slice(0, space), keys, now, this.#maxRules)
    if ('reason' in token) return { outcome: 'refused', refusal: token }
    if (carrier.place === 'query' && this.#subject.exec(path)?.[1] !== token.subject) {
      return refused('sub is not the video of the path')
    }
    if (this.#downloadPath !== undefined && path.includes(this.#downloadPath)) {
      if (!token.isDownloadable) return refused('a download needs downloadable: true')
    }
    return { outcome: 'granted', grant: grantOfToken(token, path) }
  }

  sign({ path, expiresAt, constraints }: LinkRequest, key: Key): SignedLink | Refusal {
    if (!key.signKey) return refuse('link_key_unknown', 'the key has no private half')
    const unsupported = Object.keys(constraints).find((name) => !EXPRESSIBLE.has(name))
    if (unsupported !== undefined) {
      const detail = `${unsupported}: a token of Cloudflare Stream cannot say it`
      return refuse('link_constraint_unsupported', detail)
    }
    const subject = this.#subject.exec(path)?.[1]
    if (subject === undefined || /[%*]/.test(subject) || path.endsWith('*')) {
      return refuse('link_constraint_unsupported', 'path: it names no video')
    }
    const isDownloadable = this.#downloadPath !== undefined && path.includes(this.#downloadPath)
    const token = signStreamToken(
      { subject, expiresAt, isDownloadable, constraints },
      key,
      key.signKey,
    )
    if (this.#parameter !== undefined) return { target: `${path}?${this.#parameter}=${token}` }
    return { target: `/${token}${path.slice(path.indexOf('/', 1))}` }
  }

  canonicalText(carrier: Carrier): string | undefined {
    const [token = ''] = carrier.text.split(' ')
    return token.includes('.') ? signedPart(token) : undefined
  }
}

/** What a token says whose signature held. */
export interface StreamToken {
  /** The id of the video. */
  readonly subject: string
  readonly expiresAt: EpochSeconds
  readonly isDownloadable: boolean
  readonly constraints: StreamConstraints
}

type StreamConstraints = Pick<Constraints, 'jti' | 'iat' | 'nbf' | 'accessRules'>

const EXPRESSIBLE: ReadonlySet<string> = new Set(['jti', 'iat', 'nbf', 'accessRules'])

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
  const key = keys.find(kid, CLOUDFLARE_STREAM, now)
  if (key?.alg !== alg || alg !== ALGORITHM) return refuse('link_key_unknown', 'no such key')
  if (!isSignedBy(token, key)) {
    return refuse('link_signature_wrong', 'the signature does not hold')
  }
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
  const { jti } = constraints
  return {
    scheme: CLOUDFLARE_STREAM,
    key,
    linkId: jti ?? shortDigest(signed),
    countKey: jti === undefined ? digestText(signed) : `${key.kid}/${jti}`,
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

function refused(detail: string): { outcome: 'refused'; refusal: Refusal } {
  return { outcome: 'refused', refusal: refuse('link_resource_mismatch', detail) }
}
