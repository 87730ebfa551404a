import { z } from 'zod'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { cookieValues, headerValue } from '../../request/request-headers.ts'
import { isCount } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { type Grant, identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import {
  ABSENT,
  type Carrier,
  found,
  type Found,
  malformed,
  MAX_AHEAD_SECONDS,
  refused,
  type Scheme,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { decodeToken, isCoseSignedBy, readCose } from './cose.ts'
import { isJsonObject, isSignedBy, readJws, signedPart } from './jws.ts'
import { checkWatermark, nameClaims, readWmtConstraints, type WmtClaims } from './wmt-claims.ts'

const NAME = 'dashif-wmt'
const MAX_TOKEN = 8192
const MAX_COOKIE_TOKEN = 4096

export interface DashIfWmtOptions {
  /** What the first segment of a path begins with, in front of the token. */
  readonly pathPrefix: string
  readonly header: string
  readonly cookie?: string | undefined
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/** A token whose form is read, before its signature is looked at. */
interface WmtToken {
  readonly alg: string
  readonly kid: string
  /** What is signed. */
  readonly signed: string
  isSignedBy(key: Key): boolean
  claims(): WmtClaims | undefined
}

/**
 * Watermarking tokens of DASH-IF (ETSI TS 104 002): a JWT or CWT that names the pattern by which an edge
 * chooses variants. It names no path: it opens whatever its route holds, and is made elsewhere.
 */
export class DashIfWmt implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses: Scheme['expresses'] = new Set()
  readonly signsPrefixes = false
  readonly #options: DashIfWmtOptions

  constructor(options: DashIfWmtOptions) {
    this.#options = options
    const { header, cookie } = options
    this.triggers = [
      { place: 'path', text: `/${options.pathPrefix}` },
      { place: 'header', name: header.toLowerCase() },
      ...(cookie === undefined ? [] : [{ place: 'cookie', name: cookie } as const]),
    ]
  }

  find({ target, headers }: RequestContext): Found {
    const { header, cookie } = this.#options
    const carriers: Carrier[] = []
    const segment = this.#segment(target.rawPath)
    if (segment !== undefined) carriers.push({ place: 'path', text: segment })
    const bearer = /^Bearer +([^\s]+)$/i.exec(headerValue(headers, header.toLowerCase()) ?? '')
    if (bearer) carriers.push({ place: 'header', text: bearer[1] ?? '' })
    if (cookie !== undefined) {
      for (const text of cookieValues(headers.cookie, cookie)) {
        carriers.push({ place: 'cookie', text })
      }
    }
    const [carrier] = carriers
    if (!carrier) return ABSENT
    if (carriers.length > 1) return refused('link_ambiguous', 'the request carries several tokens')
    return found(carrier.place, carrier.text)
  }

  /** The token of the first segment. */
  #segment(rawPath: string): string | undefined {
    const { pathPrefix } = this.#options
    if (!rawPath.startsWith(pathPrefix, 1)) return undefined
    const slash = rawPath.indexOf('/', 1)
    return slash < 0 ? undefined : rawPath.slice(pathPrefix.length + 1, slash)
  }

  cutPath(rawPath: string): string | undefined {
    if (this.#segment(rawPath) === undefined) return undefined
    return rawPath.slice(rawPath.indexOf('/', 1))
  }

  verify({ place, text }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const limit = place === 'cookie' ? MAX_COOKIE_TOKEN : MAX_TOKEN
    if (text.length > limit) return malformed(`the token is longer than ${limit} bytes`)
    const token = text.includes('.') ? readJwt(text) : readCwt(text)
    if ('reason' in token) return { outcome: 'refused', refusal: token }
    const key = keys.find(token.kid, NAME, now)
    if (!key || key.alg !== token.alg || key.use === 'enc') {
      return refused('link_key_unknown', 'no such key')
    }
    if (!token.isSignedBy(key)) {
      return refused('link_signature_wrong', 'the signature does not hold')
    }
    const claims = token.claims()
    if (!claims) return malformed('the payload is no map of claims with unique names')
    const grant = this.#readGrant(token.signed, claims, key, now)
    if ('reason' in grant) return { outcome: 'refused', refusal: grant }
    return { outcome: 'granted', grant }
  }

  #readGrant(signed: string, claims: WmtClaims, key: Key, now: EpochSeconds): Grant | Refusal {
    const { iss, aud, exp } = claims
    const { issuer, audience } = this.#options
    if ([issuer, key.issuer].some((wanted) => wanted !== undefined && wanted !== iss)) {
      return refuse('link_issuer_mismatch', 'iss is not the issuer of the route or key')
    }
    if (aud !== undefined && (audience === undefined || ![aud].flat().includes(audience))) {
      return refuse('link_audience_mismatch', 'aud does not name the audience of the route')
    }
    if (!isCount(exp)) return refuse('link_malformed', 'exp is missing or no number of seconds')
    if (exp > now + MAX_AHEAD_SECONDS) {
      return refuse('link_malformed', 'exp lies more than 10 years ahead')
    }
    const odd = checkWatermark(claims)
    if (odd) return odd
    const constraints = readWmtConstraints(claims)
    if ('reason' in constraints) return constraints
    return {
      scheme: NAME,
      key,
      ...identify(key, constraints.jti, signed),
      resource: { kind: 'pattern', text: '*', covers: () => true },
      validUntil: exp,
      constraints,
    }
  }

  sign(): Refusal {
    const detail = 'scheme: a watermarking token names a pattern and no path; its vendor makes it'
    return refuse('link_constraint_unsupported', detail)
  }

  canonicalText({ text }: Carrier): string | undefined {
    const token = text.includes('.') ? readJwt(text) : readCwt(text)
    return 'reason' in token ? undefined : token.signed
  }
}

function readJwt(text: string): WmtToken | Refusal {
  const jws = readJws(text)
  if ('reason' in jws) return jws
  const { alg, kid } = jws.header
  if (kid === undefined) return refuse('link_malformed', 'kid is missing')
  return {
    alg,
    kid,
    signed: signedPart(text),
    isSignedBy: (key) => isSignedBy(text, key),
    claims() {
      const claims = jws.payload()
      return isJsonObject(claims) ? claims : undefined
    },
  }
}

function readCwt(text: string): WmtToken | Refusal {
  const bytes = decodeToken(text)
  if (!bytes) return refuse('link_malformed', 'the token is neither a JWT nor a CWT')
  const message = readCose(bytes)
  if ('reason' in message) return message
  const { alg, kid, signed } = message
  if (kid === undefined) return refuse('link_malformed', 'kid is missing')
  return {
    alg,
    kid,
    signed: signed.toString('hex'),
    isSignedBy: (key) => isCoseSignedBy(message, key),
    claims() {
      const claims = message.claims()
      return claims && nameClaims(claims)
    },
  }
}

export const dashIfWmt = defineScheme({
  name: NAME,
  algorithms: ['ES256', 'HS256'],
  options: z.strictObject({
    pathPrefix: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,32}[:=~]$/)
      .default('wmt:')
      .describe('What the first segment of a path begins with, in front of the token.'),
    header: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/)
      .default('Authorization')
      .describe('Header that holds a token behind the word Bearer.'),
    cookie: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .optional()
      .describe('Cookie that holds a token; default: none is read.'),
    issuer: z.string().min(1).optional().describe('The iss claim that a token must carry.'),
    audience: z.string().min(1).optional().describe('Our name in the aud claim of tokens.'),
  }),
  marks: ({ pathPrefix, header, cookie }) => [
    `path ${pathPrefix}`,
    `header ${header.toLowerCase()}`,
    ...(cookie === undefined ? [] : [`cookie ${cookie}`]),
  ],
  create: (options) => new DashIfWmt(options),
})
