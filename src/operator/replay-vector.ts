import { NOTHING_KNOWN } from '../base/network-facts.ts'
import { parseAddress } from '../base/address.ts'
import { REASONS, refuse, type Refusal } from '../base/refusal.ts'
import { policySchema } from '../config/policy-schema.ts'
import { KeyRing } from '../link/key-ring.ts'
import type { Scheme } from '../link/scheme.ts'
import { NATIVE_SCHEMES, schemeDefinition } from '../link/schemes/registry.ts'
import { LinkVerifier } from '../link/verify-link.ts'
import { compilePolicy } from '../policy/compile-policy.ts'
import { NO_SOURCES } from '../policy/policy.ts'
import { decide } from '../policy/decide.ts'
import type { LinkHistory } from '../policy/rule.ts'
import { NO_SIGHTINGS } from '../base/sightings.ts'
import { type CanonicalPath, canonicalisePath } from '../request/canonical-path.ts'
import { siteOf } from '../request/client-site.ts'
import type { RequestContext } from '../request/request-context.ts'
import { readHeaders } from '../request/request-headers.ts'
import { cutTarget, type RequestTarget } from '../request/request-target.ts'
import { type VectorKey, vectorKey } from './vector-key.ts'

/** One test vector of a link format. */
export interface Vector {
  readonly name: string
  readonly format: string
  /** The form of the format, where it has several. */
  readonly variant?: string
  readonly keys: readonly VectorKey[]
  readonly config?: Readonly<Record<string, unknown>>
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: Readonly<Record<string, string>>
  readonly clientIp?: string
  /** Of the client; absent is unknown. */
  readonly country?: string
  /** Epoch seconds. */
  readonly now: number
  readonly expect: 'allow' | 'deny'
  /** The public code of a refusal, where the vector is that exact. */
  readonly code?: string
}

/** Vectors assume no leeway in either direction. */
const POLICY = compilePolicy(
  'vectors',
  policySchema.parse({
    leeway: { notBeforeSeconds: 0 },
    resume: { graceSeconds: 0 },
  }),
  NO_SOURCES,
)

const NO_HISTORY: LinkHistory = {
  revocation: () => undefined,
  isResumable: () => false,
  firstAddress: undefined,
  sightings: () => NO_SIGHTINGS,
}

/** Why a vector fails, or undefined when the gateway decides as it says. */
export function replayVector(vector: Vector): string | undefined {
  const scheme = schemeOfVector(vector)
  if (typeof scheme === 'string') return scheme
  const refusal = decideVector(vector, scheme)
  const outcome = refusal ? 'deny' : 'allow'
  if (outcome !== vector.expect) {
    return `expected ${vector.expect}, got ${outcome}${refusal ? ` (${refusal.reason}: ${refusal.detail})` : ''}`
  }
  const code = refusal && REASONS[refusal.reason].code
  if (vector.code !== undefined && code !== vector.code)
    return `expected ${vector.code}, got ${code}`
  return undefined
}

function decideVector(vector: Vector, scheme: Scheme): Refusal | undefined {
  const keys = new KeyRing(vector.keys.map((key) => vectorKey(key, vector.format)))
  const context = requestOfVector(vector, scheme)
  if ('reason' in context) return context
  const verified = new LinkVerifier([scheme], keys).verify(context)
  if (verified.outcome === 'absent') return refuse('link_missing', 'no link')
  if (verified.outcome === 'refused') return verified.refusal
  if (!scheme.signsMethod && !/^(?:GET|HEAD)$/.test(vector.method)) {
    return refuse('method_not_allowed', 'the link is for GET and HEAD')
  }
  const { grant } = verified
  const { seen } = (vector.config ?? {}) as { readonly seen?: readonly string[] }
  const { jti, multi_use } = grant.constraints
  if (multi_use === false && jti !== undefined && seen?.includes(jti)) {
    return refuse('link_used', 'the id was seen before')
  }
  return decide(grant, context, POLICY, NO_HISTORY).refusal
}

/** The request of a vector, as the gateway's first phase would make it. */
export function requestOfVector(vector: Vector, scheme: Scheme): RequestContext | Refusal {
  const target = cutTarget(vector.url)
  if (!target) return refuse('path_invalid', 'not a URL or path')
  const rawPath = scheme.cutPath?.(target.rawPath) ?? target.rawPath
  const canonical = canonicalisePath(rawPath)
  // foreign formats judge paths by their own rules: the gateway's door refuses hostile ones before that
  if (!canonical.ok && NATIVE_SCHEMES.includes(vector.format)) {
    return refuse('path_invalid', canonical.why)
  }
  return contextOf(vector, target, canonical.ok ? canonical.path : decoded(rawPath))
}

function contextOf(vector: Vector, target: RequestTarget, path: string): RequestContext {
  const { headers, cookies = {}, clientIp } = vector
  const pairs = Object.entries(cookies).map(([name, value]) => `${name}=${value}`)
  const fields = { ...headers, ...(pairs.length > 0 && { cookie: pairs.join('; ') }) }
  return {
    id: vector.name,
    now: vector.now,
    method: vector.method,
    target,
    path: path as CanonicalPath,
    headers: readHeaders(Object.entries(fields).flat()),
    site: siteOf(/^https?:/i.test(vector.url) ? vector.url : 'http://localhost'),
    client: clientIp === undefined ? undefined : parseAddress(clientIp),
    network: { ...NOTHING_KNOWN, country: vector.country },
  }
}

function decoded(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath)
  } catch {
    return rawPath
  }
}

/**
 * The scheme as the vector configures it, or why there is none. Links without an expiry are for routes to
 * allow, not for vectors.
 */
export function schemeOfVector({ format, config, variant }: Vector): Scheme | string {
  const definition = schemeDefinition(format)
  if (!definition) return 'this format is not known'
  const { options, create } = definition
  const { seen: _seen, ...given } = { ...config }
  const wanted = {
    ...('allowUnlimited' in options.shape && { allowUnlimited: true }),
    ...('variant' in options.shape && variant !== undefined && { variant }),
    ...given,
  }
  const parsed = options.safeParse(wanted)
  if (!parsed.success) return `its config is not understood: ${parsed.error.message}`
  return create(parsed.data, { isIgnored: POLICY.isIgnoredParameter })
}
