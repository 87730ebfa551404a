import { refuse, type Refusal } from '../../base/refusal.ts'
import { headerValue } from '../../request/request-headers.ts'
import { type Constraints, isCount, readConstraint } from '../constraints.ts'
import type { Condition } from '../grant.ts'
import { type CborMap, type CborValue, isMap } from './cbor.ts'
import { type Match, readMatches, readUriMatches, type UriMatch } from './cat-match.ts'
import { readNetworks } from './cat-network.ts'

/** Keys of claims (IANA registry of CWT claims). */
export const CLAIM = {
  iss: 1,
  sub: 2,
  aud: 3,
  exp: 4,
  nbf: 5,
  iat: 6,
  cti: 7,
  catreplay: 308,
  catv: 310,
  catnip: 311,
  catu: 312,
  catm: 313,
  cath: 315,
  catgeoiso3166: 316,
  catifdata: 320,
  catif: 322,
  catr: 323,
} as const

/** What restricts a token and cannot be checked here. */
const UNSUPPORTED = new Map<number | string, string>([
  [8, 'cnf'],
  [282, 'geohash'],
  [309, 'catpor'],
  [314, 'catalpn'],
  [317, 'catgeocoord'],
  [318, 'catgeoalt'],
  [319, 'cattpk'],
  [321, 'catdpop'],
])
/** The block of the registry that belongs to access tokens: what is new there may restrict, too. */
const FIRST_CAT_CLAIM = 308
const LAST_CAT_CLAIM = 349
const KNOWN = new Set<number>(Object.values(CLAIM))

/** What a token says besides its times, its issuer and its renewal. */
export interface CatTerms {
  readonly constraints: Constraints
  readonly conditions: readonly Condition[]
  readonly uri: readonly UriMatch[] | undefined
}

/** Reads every claim that restricts; what is not understood refuses. */
export function readTerms(claims: CborMap): CatTerms | Refusal {
  for (const label of claims.keys()) {
    const name = UNSUPPORTED.get(label) ?? (isUnknown(label) ? `claim ${label}` : undefined)
    if (name === undefined) continue
    return refuse('link_constraint_unsupported', `${name} restricts what cannot be checked here`)
  }
  const catv = claims.get(CLAIM.catv)
  if (catv !== undefined && catv !== 1) return odd('catv is not 1')
  if (claims.has(CLAIM.catif) && !isMap(claims.get(CLAIM.catif))) return odd('catif is no map')
  const constraints = readConstraints(claims)
  if ('reason' in constraints) return constraints
  const conditions = readConditions(claims)
  if ('reason' in conditions) return conditions
  const catu = claims.get(CLAIM.catu)
  const uri = catu === undefined ? undefined : readUriMatches(catu)
  if (catu !== undefined && !uri) return odd('catu is not understood')
  return { constraints, conditions, uri }
}

function isUnknown(label: number | string): boolean {
  if (typeof label === 'string' || KNOWN.has(label)) return false
  return label >= FIRST_CAT_CLAIM && label <= LAST_CAT_CLAIM
}

function readConstraints(claims: CborMap): Constraints | Refusal {
  const constraints: Record<string, unknown> = {}
  for (const [name, label] of [
    ['iat', CLAIM.iat],
    ['nbf', CLAIM.nbf],
    ['subject', CLAIM.sub],
  ] as const) {
    const value = claims.get(label)
    if (value !== undefined && !readConstraint(constraints, name, value, 'json')) {
      return odd(`claim ${label} has no valid value`)
    }
  }
  const cti = claims.get(CLAIM.cti)
  if (cti !== undefined) {
    if (!Buffer.isBuffer(cti) || !readConstraint(constraints, 'jti', cti.toString('hex'), 'text')) {
      return odd('cti is no byte string of 1 to 64 bytes')
    }
  }
  const replay = claims.get(CLAIM.catreplay)
  if (replay === 0) constraints['multi_use'] = true
  else if (replay === 1) {
    if (cti === undefined) return odd('catreplay needs a cti')
    constraints['multi_use'] = false
  }
  // reuse is to be noticed, not refused: that is what the limits on sharing are for
  else if (replay === 2) constraints['anti_fraud'] = true
  else if (replay !== undefined) return odd('catreplay is unknown')
  return readPlaces(claims, constraints)
}

/** Where the client may be. */
function readPlaces(claims: CborMap, constraints: Record<string, unknown>): Constraints | Refusal {
  const catnip = claims.get(CLAIM.catnip)
  if (catnip !== undefined) {
    const networks = readNetworks(catnip)
    if (!networks) return odd('catnip is not understood')
    if (networks.length === 0) {
      return refuse('link_constraint_unsupported', 'catnip names no network but AS numbers')
    }
    constraints['ip'] = networks
  }
  const geo = claims.get(CLAIM.catgeoiso3166)
  if (geo !== undefined) {
    const country = texts(geo)?.filter((code) => /^[A-Z]{2}$/.test(code))
    if (!country) return odd('catgeoiso3166 is no list of codes')
    if (country.length === 0) {
      return refuse('link_constraint_unsupported', 'catgeoiso3166 names no whole country')
    }
    constraints['accessRules'] = [
      { type: 'ip.geoip.country', action: 'allow', country },
      { type: 'any', action: 'block' },
    ]
  }
  return constraints
}

function readConditions(claims: CborMap): readonly Condition[] | Refusal {
  const conditions: Condition[] = []
  const catm = claims.get(CLAIM.catm)
  if (catm !== undefined) {
    const allowed = texts(catm)
    if (!allowed) return odd('catm is no list of methods')
    conditions.push(methodIn(allowed))
  }
  const cath = claims.get(CLAIM.cath)
  if (cath === undefined) return conditions
  if (!isMap(cath)) return odd('cath is no map')
  for (const [label, wanted] of cath) {
    const matches = readMatches(wanted)
    if (!matches || typeof label !== 'string') return odd('cath is not understood')
    conditions.push(headerMatches(label.toLowerCase(), matches))
  }
  return conditions
}

function methodIn(allowed: readonly string[]): Condition {
  return {
    name: 'method',
    check: ({ method }) =>
      allowed.includes(method) || (method === 'HEAD' && allowed.includes('GET'))
        ? undefined
        : refuse('method_not_allowed', `catm allows ${allowed.join(', ')}`),
  }
}

function headerMatches(name: string, matches: readonly Match[]): Condition {
  return {
    name: `header ${name}`,
    check({ headers }) {
      const value = headerValue(headers, name)
      if (value === undefined)
        return refuse('link_resource_mismatch', `the header ${name} is missing`)
      const wrong = matches.find((match) => !match.holds(value))
      return wrong && refuse('link_resource_mismatch', `the header ${name} is not ${wrong.text}`)
    },
  }
}

/** A list of texts; undefined when it is none. */
function texts(value: CborValue): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  return value.every((item): item is string => typeof item === 'string') ? value : undefined
}

/** Whether the audience of a token is one of ours; a token without one is for everybody. */
export function isForUs(aud: CborValue | undefined, ours: readonly string[]): boolean {
  if (aud === undefined) return true
  const named = typeof aud === 'string' ? [aud] : texts(aud)
  return named?.some((name) => ours.includes(name)) === true
}

/** A time as tokens carry it: whole seconds. */
export function readSeconds(value: CborValue | undefined): number | undefined {
  return isCount(value) ? value : undefined
}

function odd(detail: string): Refusal {
  return refuse('link_malformed', detail)
}
