import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { parseIPv4Range } from '../address-range.ts'
import type { Condition, Grant, ResponseOverrides } from '../grant.ts'
import { isRefusal } from '../link-fields.ts'
import { isHeaderText } from '../response-parameters.ts'
import { MAX_AHEAD_SECONDS } from '../scheme.ts'
import { parseUtcTime } from '../utc-time.ts'
import type { SasFields, SasKind } from './sas-layout.ts'

/** Stored access policies by their `si`. */
export type StoredPolicies = Readonly<Record<string, StoredPolicy>>

interface StoredPolicy {
  readonly permissions?: string | undefined
  readonly start?: string | undefined
  readonly expiry?: string | undefined
}

type Terms = Pick<Grant, 'validUntil' | 'constraints' | 'conditions' | 'response'>

/** What a SAS whose signature held says of time, client and answer. */
export function readSasTerms(
  kind: SasKind,
  fields: SasFields,
  policies: StoredPolicies,
  now: EpochSeconds,
): Terms | Refusal {
  const unsupported = whyUnsupported(kind, fields)
  if (unsupported) return unsupported
  const stored = withStoredPolicy(fields, policies)
  if (isRefusal(stored)) return stored
  const { sp, st, se, spr, sip, skt, ske } = stored
  if (sp === undefined || !/^[a-z]{1,32}$/.test(sp)) return malformed('sp is no set of permissions')
  if (se === undefined) return malformed('se is missing')
  const ends = timesOf(se, kind === 'delegation' ? ske : undefined)
  const starts = timesOf(st, kind === 'delegation' ? skt : undefined)
  if (!ends || !starts) return malformed('a time is no ISO 8601 in UTC')
  const validUntil = Math.min(...ends)
  if (validUntil > now + MAX_AHEAD_SECONDS) return malformed('se lies more than 10 years ahead')
  const ip = sip === undefined ? undefined : parseIPv4Range(sip)
  if (sip !== undefined && !ip) return malformed('sip is no IPv4 address or range')
  if (spr !== undefined && spr !== 'https' && spr !== 'https,http') {
    return malformed('spr is neither https nor https,http')
  }
  // an account SAS signs no overrides
  const response = kind === 'account' ? {} : readOverrides(fields)
  if (isRefusal(response)) return response
  return {
    validUntil,
    constraints: {
      ...(starts.length > 0 && { nbf: Math.max(...starts) }),
      ...(ip && { ip }),
    },
    conditions: [permits(sp), ...(spr === 'https' ? [HTTPS_ONLY] : [])],
    ...(Object.keys(response).length > 0 && { response }),
  }
}

/** Restrictions that only Azure itself can enforce, and what an account SAS does not reach. */
function whyUnsupported(kind: SasKind, fields: SasFields): Refusal | undefined {
  const { ss = '', srt = '', sks } = fields
  if (kind === 'account' && !(ss.includes('b') && srt.includes('o'))) {
    return refuse('link_resource_mismatch', 'ss and srt do not reach blobs')
  }
  if (kind === 'delegation' && sks !== 'b') {
    return refuse('link_resource_mismatch', 'the delegated key is not for blobs')
  }
  for (const name of ['suoid', 'skdutid', 'sduoid'] as const) {
    if (fields[name] !== undefined) {
      return refuse('link_constraint_unsupported', `${name} binds a user who is not known here`)
    }
  }
  return undefined
}

/** A field stands in the link or in its stored policy, never in both. */
function withStoredPolicy(fields: SasFields, policies: StoredPolicies): SasFields | Refusal {
  if (fields.si === undefined) return fields
  const policy = Object.hasOwn(policies, fields.si) ? policies[fields.si] : undefined
  if (!policy) return refuse('link_constraint_unsupported', 'the policy that si names is not known')
  const { permissions: sp, start: st, expiry: se } = policy
  const added = { ...(sp && { sp }), ...(st && { st }), ...(se && { se }) }
  const twice = Object.keys(added).find((name) => Object.hasOwn(fields, name))
  if (twice !== undefined) return malformed(`${twice} stands in the link and in its policy`)
  return { ...fields, ...added }
}

function timesOf(...texts: readonly (string | undefined)[]): EpochSeconds[] | undefined {
  const times: EpochSeconds[] = []
  for (const text of texts) {
    if (text === undefined) continue
    const time = parseUtcTime(text)
    if (time === undefined) return undefined
    times.push(time)
  }
  return times
}

function readOverrides({ rscc, rscd, rsce, rscl, rsct }: SasFields): ResponseOverrides | Refusal {
  const overrides = {
    ...(rscc !== undefined && { cacheControl: rscc }),
    ...(rscd !== undefined && { contentDisposition: rscd }),
    ...(rsce !== undefined && { contentEncoding: rsce }),
    ...(rscl !== undefined && { contentLanguage: rscl }),
    ...(rsct !== undefined && { contentType: rsct }),
  }
  return Object.values(overrides).every(isHeaderText)
    ? overrides
    : malformed('an override is no value of a header')
}

function permits(sp: string): Condition {
  return {
    name: 'method',
    check: ({ method }) =>
      sp.includes('r') && (method === 'GET' || method === 'HEAD')
        ? undefined
        : refuse('method_not_allowed', `sp=${sp} does not permit ${method}`),
  }
}

const HTTPS_ONLY: Condition = {
  name: 'scheme',
  check: ({ site }) =>
    site.scheme === 'https'
      ? undefined
      : refuse('link_resource_mismatch', 'the link is for https alone'),
}

function malformed(detail: string): Refusal {
  return refuse('link_malformed', detail)
}
