import { z } from 'zod'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { canonicalisePath } from '../../request/canonical-path.ts'
import { cookieValues } from '../../request/request-headers.ts'
import type { RequestContext } from '../../request/request-context.ts'
import {
  ALL_CONSTRAINTS,
  CONSTRAINT_NAMES,
  type Constraints,
  readConstraint,
  writeConstraints,
} from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { identify, type Resource } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { parameterValues } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  malformed,
  MAX_AHEAD_SECONDS,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { isJsonObject, isSignedBy, type JwsHeader, readJws, signedPart, signJws } from './jws.ts'

const NAME = 'sluice-jwt'
const PARAMETER = 'token'
const COOKIE = 'sluice_token'
/** `/~TOKEN` as first segment of a path. */
const PATH_TOKEN = /^\/~([^/]*)(?=\/)/
const MAX_TOKEN = 8192
const MAX_COOKIE_TOKEN = 4096

export interface SluiceJwtOptions {
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/**
 * A JWT (RFC 7519, JWS compact) whose `sub` is the path, or a prefix ending in `/*`. Carried as
 * `?token=`, as path segment `/~TOKEN/PATH`, as cookie `sluice_token` or as Bearer token. The algorithm
 * is the key's, never the token's.
 */
export class SluiceJwt implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [
    { place: 'query', name: PARAMETER },
    { place: 'cookie', name: COOKIE },
    { place: 'header', name: 'authorization' },
    { place: 'path', text: '/~' },
  ]
  readonly expresses = ALL_CONSTRAINTS
  readonly signsPrefixes = true
  readonly #options: SluiceJwtOptions

  constructor(options: SluiceJwtOptions) {
    this.#options = options
  }

  find(context: RequestContext): Found {
    const { target, headers } = context
    let carrier: Carrier | undefined
    let many = false
    let isWeak = false
    const add = (place: Carrier['place'], text: string): void => {
      many ||= carrier !== undefined
      carrier = { place, text }
    }
    for (const value of parameterValues(target.rawQuery ?? '', PARAMETER)) {
      add('query', value)
      // other formats have a parameter of this name, too
      isWeak = value.split('.').length !== 3
    }
    const segment = PATH_TOKEN.exec(target.rawPath)?.[1]
    if (segment !== undefined) add('path', segment)
    for (const value of cookieValues(headers.cookie, COOKIE)) add('cookie', value)
    if (headers.authorization !== undefined) {
      const bearer = /^Bearer +([^\s]+)$/i.exec(headers.authorization)
      if (bearer) add('header', bearer[1] ?? '')
    }
    if (many) {
      const refusal = refuse('link_ambiguous', 'the request carries several tokens')
      return { outcome: 'refused', refusal }
    }
    if (!carrier) return ABSENT
    return isWeak ? { outcome: 'found', carrier, isWeak } : { outcome: 'found', carrier }
  }

  cutPath(rawPath: string): string | undefined {
    const token = PATH_TOKEN.exec(rawPath)
    return token ? rawPath.slice(token[0].length) : undefined
  }

  verify(carrier: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const token = carrier.text
    const limit = carrier.place === 'cookie' ? MAX_COOKIE_TOKEN : MAX_TOKEN
    if (token.length > limit) return malformed(`the token is longer than ${limit} bytes`)
    const jws = readJws(token)
    if ('reason' in jws) return { outcome: 'refused', refusal: jws }
    const key = selectKey(jws.header, keys, now)
    if ('reason' in key) return { outcome: 'refused', refusal: key }
    if (!isSignedBy(token, key)) {
      return refused('link_signature_wrong', 'the signature does not hold')
    }
    return this.#readGrant(token, jws.payload(), key, now)
  }

  #readGrant(token: string, payload: unknown, key: Key, now: EpochSeconds): Verified {
    if (!isJsonObject(payload)) return malformed('the payload is no JSON object with unique names')
    const { iss, aud, sub, exp, ...claims } = payload
    const { issuer, audience } = this.#options
    if (issuer !== undefined && iss !== issuer) {
      return refused('link_issuer_mismatch', 'iss is not the issuer of the route')
    }
    // RFC 7519 section 4.1.3: who is not named in aud must reject the token
    const audiences = aud === undefined ? [] : [aud].flat()
    if (audience === undefined ? aud !== undefined : !audiences.includes(audience)) {
      return refused('link_audience_mismatch', 'aud does not name the audience of the route')
    }
    const resource = readSubject(sub)
    if (!resource) return malformed('sub is neither a path nor a prefix')
    if (!isSeconds(exp)) return malformed('exp is missing or no whole number of seconds')
    if (exp > now + MAX_AHEAD_SECONDS) return malformed('exp lies more than 10 years ahead')
    const constraints: Record<string, unknown> = {}
    for (const name of CONSTRAINT_NAMES) {
      if (!Object.hasOwn(claims, name)) continue
      if (!readConstraint(constraints, name, claims[name], 'json')) {
        return malformed(`the claim ${name} has no valid value`)
      }
    }
    const { jti } = constraints as Constraints
    const signed = signedPart(token)
    return {
      outcome: 'granted',
      grant: {
        scheme: NAME,
        key,
        ...identify(key, jti, signed),
        resource,
        validUntil: exp,
        constraints,
      },
    }
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    const { signKey } = key
    if (!signKey) return refuse('link_key_unknown', 'the key has no private half')
    const payload = {
      sub: request.path,
      exp: request.expiresAt,
      ...(this.#options.issuer !== undefined && { iss: this.#options.issuer }),
      ...(this.#options.audience !== undefined && { aud: this.#options.audience }),
      ...Object.fromEntries(writeConstraints(request.constraints, 'json')),
    }
    const token = signJws(payload, key, signKey)
    if (token.length > MAX_TOKEN) {
      const detail = `the token would be longer than ${MAX_TOKEN} bytes`
      return refuse('link_constraint_unsupported', detail)
    }
    if (request.path.endsWith('/*')) {
      return { target: `/~${token}${request.path.slice(0, -1)}` }
    }
    return { target: `${request.path}?${PARAMETER}=${token}` }
  }

  canonicalText(carrier: Carrier): string | undefined {
    const end = carrier.text.lastIndexOf('.')
    return end < 0 ? undefined : carrier.text.slice(0, end)
  }
}

function selectKey({ alg, kid }: JwsHeader, keys: KeyRing, now: EpochSeconds): Key | Refusal {
  const key = kid === undefined ? keys.only(NAME, alg, now) : keys.find(kid, NAME, now)
  if (!key) return refuse('link_key_unknown', 'no such key')
  return key.alg === alg ? key : refuse('link_key_unknown', 'the key is of another algorithm')
}

function readSubject(sub: unknown): Resource | undefined {
  if (typeof sub !== 'string') return undefined
  const prefix = sub.endsWith('/*')
  if (sub === '/*') return { kind: 'prefix', path: '/' }
  // a subject may be written as in the URL or as plain UTF-8: encoding what is not ASCII makes them one
  const raw = (prefix ? sub.slice(0, -2) : sub).replace(/[^\x21-\x7e]+/g, encodePlain)
  const result = canonicalisePath(raw)
  if (!result.ok) return undefined
  return prefix ? { kind: 'prefix', path: `${result.path}/` } : { kind: 'exact', path: result.path }
}

function encodePlain(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : '%'
}

function isSeconds(value: unknown): value is EpochSeconds {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

export const sluiceJwt = defineScheme({
  name: NAME,
  algorithms: [
    'HS256',
    'HS384',
    'HS512',
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
  ],
  options: z.strictObject({
    issuer: z.string().min(1).optional().describe('The iss claim that a token must carry.'),
    audience: z.string().min(1).optional().describe('The aud claim that a token must carry.'),
  }),
  marks: () => [`query ${PARAMETER} jws`, `cookie ${COOKIE}`, 'header authorization', 'path ~'],
  create: (options) => new SluiceJwt(options),
})
