import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext, Site } from '../../request/request-context.ts'
import { cookieValues, headerValue } from '../../request/request-headers.ts'
import type { ConstraintName } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { type Grant, identify, type Resource } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { parametersOf } from '../link-fields.ts'
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
import { CLAIM, isForUs, readSeconds, readTerms } from './cat-claims.ts'
import { matchesUri, type UriMatch } from './cat-match.ts'
import { writeNetworks } from './cat-network.ts'
import { readRenewal, renewToken } from './cat-renewal.ts'
import type { CborMap, CborValue } from './cbor.ts'
import {
  COSE_ALGORITHMS,
  type CoseAlgorithm,
  type CoseMessage,
  decodeToken,
  isCoseSignedBy,
  readCose,
  signCwt,
} from './cose.ts'
import { normalisePath } from './normal-uri.ts'

const NAME = 'cat'
const MAX_TOKEN = 8192
const MAX_COOKIE_TOKEN = 4096
const MAX_KEYS = 16
/** A CWT tag around one of COSE, or the tag of COSE_Mac0 or COSE_Sign1 with its array of four. */
const TOKEN_SHAPE = /^(?:2D3[RS]hE|0Y[QR]|0o[QR])/

export interface CatOptions {
  readonly issuer?: string | undefined
  readonly audience: readonly string[]
  readonly header: string
  readonly cookie: string
  readonly queryParam: string
  readonly requireCwtTag: boolean
  readonly allowedAlgs: readonly CoseAlgorithm[]
}

/**
 * Common Access Tokens (CTA-5007): a CWT (RFC 8392) in a header, a cookie or a parameter that says by
 * `catu` which URIs it opens; without, every one of the route. Every one must expire.
 */
export class Cat implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<ConstraintName> = new Set<ConstraintName>([
    'iat',
    'nbf',
    'ip',
    'multi_use',
    'subject',
  ])
  readonly signsPrefixes = true
  readonly #options: CatOptions

  constructor(options: CatOptions) {
    this.#options = options
    this.triggers = [
      { place: 'header', name: options.header.toLowerCase() },
      { place: 'cookie', name: options.cookie },
      { place: 'query', name: options.queryParam },
    ]
  }

  find({ target, headers }: RequestContext): Found {
    const { header, cookie, queryParam } = this.#options
    const carriers: Carrier[] = []
    const sent = headerValue(headers, header.toLowerCase())
    if (sent !== undefined) carriers.push({ place: 'header', text: sent })
    for (const text of cookieValues(headers.cookie, cookie)) {
      carriers.push({ place: 'cookie', text })
    }
    for (const { name, value } of parametersOf(target.rawQuery)) {
      if (name === queryParam) carriers.push({ place: 'query', text: withoutPercents(value) })
    }
    const [carrier] = carriers
    if (!carrier) return ABSENT
    if (carriers.length > 1) return refused('link_ambiguous', 'the request carries several tokens')
    const isWeak = carrier.place === 'query' && !TOKEN_SHAPE.test(carrier.text)
    return isWeak ? { outcome: 'found', carrier, isWeak } : { outcome: 'found', carrier }
  }

  verify({ place, text }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const limit = place === 'cookie' ? MAX_COOKIE_TOKEN : MAX_TOKEN
    if (text.length > limit) return malformed(`the token is longer than ${limit} bytes`)
    const bytes = decodeToken(text)
    if (!bytes) return malformed('the token is no base64')
    const message = readCose(bytes)
    if ('reason' in message) return { outcome: 'refused', refusal: message }
    if (this.#options.requireCwtTag && !message.isCwt) return malformed('the token has no CWT tag')
    const candidates = this.#keysFor(message, keys, now)
    if (candidates.length === 0) return refused('link_key_unknown', 'no such key')
    const key = candidates.find((candidate) => isCoseSignedBy(message, candidate))
    if (!key) return refused('link_signature_wrong', 'the signature does not hold')
    const claims = message.claims()
    if (!claims) return malformed('the payload is no map of claims')
    const grant = this.#readGrant(message, claims, key, now)
    if ('reason' in grant) return { outcome: 'refused', refusal: grant }
    return this.#withRenewal(grant, claims, place, key, keys, now)
  }

  #keysFor({ alg, kid }: CoseMessage, keys: KeyRing, now: EpochSeconds): Key[] {
    if (!this.#options.allowedAlgs.includes(alg)) return []
    const named = kid === undefined ? keys.all(NAME, now) : [keys.find(kid, NAME, now)]
    return named.filter((key) => key?.alg === alg).slice(0, MAX_KEYS) as Key[]
  }

  #readGrant(message: CoseMessage, claims: CborMap, key: Key, now: number): Grant | Refusal {
    const iss = claims.get(CLAIM.iss)
    const { issuer, audience, queryParam } = this.#options
    if ([issuer, key.issuer].some((wanted) => wanted !== undefined && wanted !== iss)) {
      return refuse('link_issuer_mismatch', 'iss is not the issuer of the route or key')
    }
    if (!isForUs(claims.get(CLAIM.aud), audience)) {
      return refuse('link_audience_mismatch', 'aud does not name the audience of the route')
    }
    const exp = readSeconds(claims.get(CLAIM.exp))
    if (exp === undefined) {
      return refuse('link_malformed', 'exp is missing or no whole number of seconds')
    }
    if (exp > now + MAX_AHEAD_SECONDS) {
      return refuse('link_malformed', 'exp lies more than 10 years ahead')
    }
    const terms = readTerms(claims)
    if ('reason' in terms) return terms
    const { constraints, conditions, uri } = terms
    return {
      scheme: NAME,
      key,
      ...identify(key, constraints.jti, message.signed.toString('base64')),
      resource: resourceOf(uri, queryParam),
      validUntil: exp,
      constraints,
      conditions,
    }
  }

  #withRenewal(
    grant: Grant,
    claims: CborMap,
    place: Carrier['place'],
    key: Key,
    keys: KeyRing,
    now: EpochSeconds,
  ): Verified {
    const catr = claims.get(CLAIM.catr)
    if (catr === undefined) return { outcome: 'granted', grant }
    const { header } = this.#options
    const renewal = readRenewal(catr, place, this.#options)
    if ('reason' in renewal) return { outcome: 'refused', refusal: renewal }
    const signer = key.signKey ? key : keys.signer(NAME, now)
    if (!signer || signer.issuer !== key.issuer) return { outcome: 'granted', grant }
    const renew: Grant['renew'] = (context) =>
      renewToken(renewal, claims, grant.validUntil, signer, header, context)
    return { outcome: 'granted', grant: { ...grant, renew } }
  }

  sign({ path, expiresAt, constraints, site }: LinkRequest, key: Key): SignedLink | Refusal {
    const { issuer = key.issuer, audience, queryParam, cookie } = this.#options
    const isPrefix = path.endsWith('/*')
    const raw = isPrefix ? path.slice(0, -1) : path
    const { iat, nbf, ip, multi_use, subject } = constraints
    const claims = new Map<number, CborValue>()
    const say = (label: number, value: CborValue | undefined): void => {
      if (value !== undefined) claims.set(label, value)
    }
    say(CLAIM.iss, issuer)
    say(CLAIM.sub, subject)
    say(CLAIM.aud, audience[0])
    say(CLAIM.exp, expiresAt)
    say(CLAIM.nbf, nbf)
    say(CLAIM.iat, iat)
    say(CLAIM.cti, randomBytes(16))
    say(CLAIM.catreplay, multi_use === undefined ? undefined : multi_use ? 0 : 1)
    say(CLAIM.catv, 1)
    say(CLAIM.catnip, ip && writeNetworks(ip))
    say(CLAIM.catu, uriClaim(site, normalisePath(raw) ?? raw, isPrefix))
    const token = signCwt(claims, key)?.toString('base64url')
    if (token === undefined) return refuse('link_key_unknown', 'the key has no half that signs')
    // a cookie goes along when a player resolves relative URLs
    return isPrefix
      ? { target: raw, cookies: { [cookie]: token } }
      : { target: `${path}?${queryParam}=${token}` }
  }

  canonicalText({ text }: Carrier): string | undefined {
    const bytes = decodeToken(text)
    const message = bytes && readCose(bytes)
    return message && 'signed' in message ? message.signed.toString('hex') : undefined
  }
}

/** Base64 may stand in a query percent-encoded; `+` there is a digit of it. */
function withoutPercents(value: string): string {
  return value.replace(/%(2[BbFf]|3[Dd])/g, (octet) => decodeURIComponent(octet))
}

function resourceOf(uri: readonly UriMatch[] | undefined, parameter: string): Resource {
  return {
    kind: 'pattern',
    text: uri ? `catu ${uri.map(({ part, match }) => `${part} ${match.text}`).join(', ')}` : '*',
    covers: (context) => matchesUri(uri ?? [], context, parameter),
  }
}

/** Scheme, host, port and path; labels and match types as `cat-match.ts` reads them. */
function uriClaim({ scheme, host }: Site, path: string, isPrefix: boolean): CborMap {
  const exact = (value: string): CborMap => new Map([[0, value]])
  const port = /:(\d+)$/.exec(host)
  return new Map<number, CborValue>([
    [0, exact(scheme)],
    [1, exact(port ? host.slice(0, port.index) : host)],
    ...(port ? [[2, exact(port[1] ?? '')] as const] : []),
    [3, isPrefix ? new Map([[1, path]]) : exact(path)],
  ])
}

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/)

export const cat = defineScheme({
  name: NAME,
  algorithms: COSE_ALGORITHMS,
  options: z.strictObject({
    issuer: z.string().min(1).optional().describe('The iss claim that a token must carry.'),
    audience: z
      .array(z.string().min(1))
      .default([])
      .describe('Our names in the aud claim of tokens; new tokens carry the first.'),
    header: headerName
      .default('CTA-Common-Access-Token')
      .describe('Header that holds a token, and in which it is renewed.'),
    cookie: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .default('CTA-Common-Access-Token')
      .describe('Cookie that holds a token.'),
    queryParam: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .default('CAT')
      .describe('Parameter that holds a token.'),
    requireCwtTag: z
      .boolean()
      .default(false)
      .describe('Refuses tokens without the CBOR tag of a CWT, 61.'),
    allowedAlgs: z
      .array(z.enum(COSE_ALGORITHMS))
      .min(1)
      .default(['HS256', 'ES256', 'PS256'])
      .describe('Algorithms of tokens. HS256/64 has a tag of 8 bytes and must be named.'),
  }),
  marks: ({ header, cookie, queryParam }) => [
    `header ${header.toLowerCase()}`,
    `cookie ${cookie}`,
    `query ${queryParam} cose`,
  ],
  create: (options) => new Cat(options),
})
