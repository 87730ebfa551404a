import { randomBytes } from 'node:crypto'
import type { Address } from '../base/address.ts'
import { secondsOf, type EpochSeconds } from '../base/clock.ts'
import {
  CONSTRAINTS,
  CONSTRAINT_NAMES,
  type Constraints,
  readConstraint,
} from '../link/constraints.ts'
import type { Route } from '../http/route.ts'
import type { Grant } from '../link/grant.ts'
import { MAX_AHEAD_SECONDS, type Scheme, type SignedLink } from '../link/scheme.ts'
import { NATIVE_SCHEMES } from '../link/schemes/registry.ts'
import type { Policy } from '../policy/policy.ts'
import { canonicalisePath } from '../request/canonical-path.ts'
import type { LinkDesk } from './link-desk.ts'
import { requestOf } from './request-of.ts'
import { untaggable } from './untaggable.ts'

/** A minting request as it came: values are checked here. */
export interface MintRequest {
  readonly path: string
  readonly scheme?: string | undefined
  readonly expires_in?: number | undefined
  readonly expires_at?: EpochSeconds | undefined
  /** The constraints of a native link, by name. */
  readonly [constraint: string]: unknown
}

export interface MintedLink {
  readonly url: string
  readonly id: string
  readonly scheme: string
  readonly kid: string
  readonly expires_at: EpochSeconds
  /** What a client sends beside the URL, for formats that are not carried in it. */
  readonly cookies?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

/** Why a link is not minted: the field, and what would be right. */
export interface MintProblem {
  readonly field: string
  readonly message: string
}

/**
 * Signs a link within the bounds of the policy that will judge it. What the link cannot express or the
 * gateway cannot enforce is refused by name, and what was signed is verified before it is given out.
 */
export function mintLink(
  desk: LinkDesk,
  request: MintRequest,
  form: 'json' | 'text',
): MintedLink | MintProblem {
  const now = secondsOf(desk.clock)
  const place = findRoute(desk, request.path)
  if ('field' in place) return place
  const { policy, verifier } = place.route
  const scheme = chooseScheme(verifier.schemes, request.scheme)
  if (!scheme) {
    const names = verifier.schemes.map((candidate) => candidate.name).join(', ')
    return { field: 'scheme', message: `the route ${place.route.path} accepts ${names}` }
  }
  const constraints = readConstraints(request, form)
  if ('field' in constraints) return constraints
  const expiresAt = expiry(request, policy, now)
  if (typeof expiresAt === 'object') return expiresAt
  const beyond =
    beyondFormat(scheme, request.path, constraints) ?? beyondPolicy(constraints, policy, expiresAt)
  if (beyond) return beyond
  if (constraints.autograph_tag !== undefined) {
    const message = untaggable(desk, place.path, now)
    if (message !== undefined) return { field: 'autograph_tag', message }
  }
  const key = desk.keys.signer(scheme.name, now, (held) => scheme.signsWith?.(held) ?? true)
  if (!key) return { field: 'scheme', message: `there is no active key that signs ${scheme.name}` }
  const signed = scheme.sign(
    {
      path: request.path,
      expiresAt,
      constraints: { ...ownConstraints(scheme, now), ...constraints },
      site: desk.site,
    },
    key,
    desk.keys,
  )
  if ('reason' in signed) return fieldProblem(signed.detail)
  const client = constraints.ip?.[0]?.first
  const grant = verifyMinted(desk, request.path, place.sample, signed, now, client)
  const field = request.expires_at === undefined ? 'expires_in' : 'expires_at'
  const begins = grant.constraints.nbf ?? 0
  if (begins > now && constraints.nbf === undefined) {
    return { field, message: `links of ${scheme.name} that end then begin at ${begins} only` }
  }
  if (grant.validUntil <= now) {
    return { field, message: `links of ${scheme.name} end on whole minutes: give more` }
  }
  const { target, ...carried } = signed
  return {
    url: desk.publicUrl + target,
    id: grant.linkId,
    scheme: scheme.name,
    kid: grant.key.kid,
    // formats that write minutes end a little earlier
    expires_at: Math.min(expiresAt, grant.validUntil),
    ...carried,
  }
}

/** The format that was asked for; else the first native one, else the first of the route. */
function chooseScheme(schemes: readonly Scheme[], name: string | undefined): Scheme | undefined {
  if (name !== undefined) return schemes.find((scheme) => scheme.name === name)
  return schemes.find((scheme) => NATIVE_SCHEMES.includes(scheme.name)) ?? schemes[0]
}

/** What the gateway adds to every link whose format can say it. */
function ownConstraints({ expresses }: Scheme, now: EpochSeconds): Constraints {
  return {
    ...(expresses.has('iat') && { iat: now }),
    ...(expresses.has('jti') && { jti: randomBytes(12).toString('base64url') }),
  }
}

/** What the format has no words for, by the name of the field. */
function beyondFormat(
  scheme: Scheme,
  path: string,
  constraints: Constraints,
): MintProblem | undefined {
  if (path.endsWith('/*') && !scheme.signsPrefixes) {
    return { field: 'path', message: `a link of ${scheme.name} opens one path, no prefix` }
  }
  for (const name of CONSTRAINT_NAMES) {
    if (constraints[name] === undefined || scheme.expresses.has(name)) continue
    // every link may be used many times unless it says otherwise
    if (name === 'multi_use' && constraints.multi_use) continue
    return { field: name, message: `a link of ${scheme.name} cannot say it` }
  }
  return undefined
}

/**
 * The route of a path that is written as in a URL. `path` is that path in plain text, a prefix with its
 * slash; `sample` is one that the link would open, as in a URL.
 */
function findRoute(
  { routes }: LinkDesk,
  path: string,
): { readonly route: Route; readonly path: string; readonly sample: string } | MintProblem {
  const isPrefix = path.endsWith('/*')
  const sample = isPrefix ? `${path.slice(0, -1)}x` : path
  const result = canonicalisePath(sample)
  if (!result.ok)
    return { field: 'path', message: `${result.why}; write it as in the URL, percent-encoded` }
  const route = routes.find(result.path)
  if (!route) return { field: 'path', message: 'no route begins like this path' }
  return { route, sample, path: isPrefix ? result.path.slice(0, -1) : result.path }
}

function readConstraints(request: MintRequest, form: 'json' | 'text'): Constraints | MintProblem {
  const constraints: Record<string, unknown> = {}
  for (const name of CONSTRAINT_NAMES) {
    const value = request[name]
    if (value === undefined) continue
    if (!readConstraint(constraints, name, value, form)) {
      return { field: name, message: `expected ${CONSTRAINTS[name].expects}` }
    }
  }
  return constraints
}

function expiry(
  request: MintRequest,
  policy: Policy,
  now: EpochSeconds,
): EpochSeconds | MintProblem {
  const { expires_at, expires_in } = request
  if (expires_at !== undefined && expires_in !== undefined) {
    return { field: 'expires_at', message: 'give expires_at or expires_in, not both' }
  }
  const field = expires_at === undefined ? 'expires_in' : 'expires_at'
  const seconds =
    expires_at === undefined ? (expires_in ?? policy.lifetime.defaultSeconds) : expires_at - now
  if (!Number.isSafeInteger(seconds) || seconds < 1) {
    return { field, message: 'expected whole seconds in the future' }
  }
  if (seconds > MAX_AHEAD_SECONDS) return { field, message: 'a link lives 10 years at most' }
  if (seconds > policy.lifetime.maxSeconds) {
    return {
      field,
      message: `the policy ${policy.name} allows at most ${policy.lifetime.maxSeconds} s`,
    }
  }
  return now + seconds
}

/** What the policy forbids. */
function beyondPolicy(
  constraints: Constraints,
  policy: Policy,
  expiresAt: EpochSeconds,
): MintProblem | undefined {
  const { iat, ip, nbf, rate, max_parallel_downloads } = constraints
  const { maxSeconds } = policy.lifetime
  if (iat !== undefined && expiresAt - iat > maxSeconds) {
    return { field: 'iat', message: `the policy ${policy.name} allows at most ${maxSeconds} s` }
  }
  if (nbf !== undefined && nbf >= expiresAt) {
    return { field: 'nbf', message: 'the link would expire before it begins' }
  }
  if (policy.address.pin === 'required' && !ip) {
    return { field: 'ip', message: `the policy ${policy.name} requires an address` }
  }
  const maxRate = policy.rate.bytesPerSecond
  if (rate !== undefined && maxRate !== undefined && rate > maxRate) {
    return {
      field: 'rate',
      message: `the policy ${policy.name} allows at most ${maxRate} bytes a second`,
    }
  }
  const { maxDownloads } = policy.parallel
  if (max_parallel_downloads !== undefined && max_parallel_downloads > (maxDownloads ?? Infinity)) {
    return {
      field: 'max_parallel_downloads',
      message: `the policy ${policy.name} allows at most ${maxDownloads}`,
    }
  }
  return undefined
}

/** A scheme names the constraint that it cannot express in front of its detail. */
function fieldProblem(detail: string): MintProblem {
  const named = /^(\w+): (.*)$/.exec(detail)
  return { field: named?.[1] ?? 'scheme', message: named?.[2] ?? detail }
}

/** A link that we would refuse ourselves must not leave the house. */
function verifyMinted(
  desk: LinkDesk,
  path: string,
  sample: string,
  { target, cookies = {}, headers = {} }: SignedLink,
  now: EpochSeconds,
  client: Address | undefined,
): Grant {
  const cookie = Object.entries(cookies).map(([name, value]) => `${name}=${value}`)
  const supposed = requestOf(
    {
      url: path.endsWith('/*') ? withinPrefix(target, path.slice(0, -1), sample) : target,
      now,
      client,
      site: desk.site,
      headers: { ...headers, ...(cookie.length > 0 && { cookie: cookie.join('; ') }) },
    },
    desk.routes,
  )
  const verified = 'why' in supposed ? undefined : supposed.route.verifier.verify(supposed.context)
  if (verified?.outcome !== 'granted') throw new Error('a minted link does not verify')
  return verified.grant
}

/** The link of a prefix, used for a path below it: what is asked for stands behind the link's path. */
function withinPrefix(target: string, prefix: string, sample: string): string {
  const question = target.indexOf('?')
  const end = question < 0 ? target.length : question
  return target.slice(0, end) + sample.slice(prefix.length) + target.slice(end)
}
