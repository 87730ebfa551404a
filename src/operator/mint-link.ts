import { randomBytes } from 'node:crypto'
import { secondsOf, type EpochSeconds } from '../base/clock.ts'
import {
  CONSTRAINTS,
  CONSTRAINT_NAMES,
  type Constraints,
  readConstraint,
} from '../link/constraints.ts'
import type { Route } from '../http/route.ts'
import { MAX_AHEAD_SECONDS } from '../link/scheme.ts'
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
  const scheme = verifier.schemes.find(
    (candidate) => request.scheme === undefined || candidate.name === request.scheme,
  )
  if (!scheme) {
    const names = verifier.schemes.map((candidate) => candidate.name).join(', ')
    return { field: 'scheme', message: `the route ${place.route.path} accepts ${names}` }
  }
  const constraints = readConstraints(request, form)
  if ('field' in constraints) return constraints
  const expiresAt = expiry(request, policy, now)
  if (typeof expiresAt === 'object') return expiresAt
  const beyond = beyondPolicy(constraints, policy, expiresAt)
  if (beyond) return beyond
  if (constraints.autograph_tag !== undefined) {
    const message = untaggable(desk, place.path, now)
    if (message !== undefined) return { field: 'autograph_tag', message }
  }
  const key = desk.keys.signer(scheme.name, now)
  if (!key) return { field: 'scheme', message: `there is no active key that signs ${scheme.name}` }
  const jti = constraints.jti ?? randomBytes(12).toString('base64url')
  const signed = scheme.sign(
    { path: request.path, expiresAt, constraints: { iat: now, ...constraints, jti } },
    key,
  )
  if ('reason' in signed) return fieldProblem(signed.detail)
  assertVerifies(desk, signed.target, now, place.sample)
  return {
    url: desk.publicUrl + signed.target,
    id: jti,
    scheme: scheme.name,
    kid: key.kid,
    expires_at: expiresAt,
  }
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
function assertVerifies(desk: LinkDesk, target: string, now: EpochSeconds, sample: string): void {
  const url = target.startsWith('/~') ? target.slice(0, target.indexOf('/', 2)) + sample : target
  const supposed = requestOf({ url, now }, desk.routes)
  const verified = 'why' in supposed ? undefined : supposed.route.verifier.verify(supposed.context)
  if (verified?.outcome !== 'granted') throw new Error('a minted link does not verify')
}
