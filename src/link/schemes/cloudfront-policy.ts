import { isUtf8 } from 'node:buffer'
import { type Network, parseNetwork } from '../../base/address.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { parseStrictJson } from '../../base/strict-json.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { type Constraints, isCount } from '../constraints.ts'
import { matchesGlob } from '../glob.ts'
import type { Grant, Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import { MAX_AHEAD_SECONDS } from '../scheme.ts'
import { isJsonObject } from './jws.ts'

/** The names that CloudFront keeps for itself. */
export const PARAMETERS = [
  'Expires',
  'Policy',
  'Signature',
  'Key-Pair-Id',
  'Hash-Algorithm',
] as const

const EPOCH = 'AWS:EpochTime'
const SOURCE = 'AWS:SourceIp'

/** The policy that a link with `Expires` stands for: CloudFront writes it itself, byte for byte like this. */
export function cannedPolicy(url: string, expires: string): string {
  return `{"Statement":[{"Resource":"${url}","Condition":{"DateLessThan":{"${EPOCH}":${expires}}}}]}`
}

/** A policy for a new link, or which constraint it cannot say. */
export function customPolicy(
  url: string,
  expiresAt: EpochSeconds,
  { nbf, ip }: Constraints,
): string | Refusal {
  const unsupported = (detail: string): Refusal => refuse('link_constraint_unsupported', detail)
  // the beginning is exclusive there
  if (nbf === 0) return unsupported('nbf: must be 1 or later')
  const [network, ...others] = ip ?? []
  if (others.length > 0 || network?.first.family === 6 || network?.prefix === 0) {
    return unsupported('ip: a policy holds one IPv4 address or range')
  }
  const condition = {
    DateLessThan: { [EPOCH]: expiresAt },
    ...(nbf !== undefined && { DateGreaterThan: { [EPOCH]: nbf - 1 } }),
    ...(network && { IpAddress: { [SOURCE]: `${network.first.text}/${network.prefix}` } }),
  }
  return JSON.stringify({ Statement: [{ Resource: url, Condition: condition }] })
}

/** Reads a custom policy whose signature held, strictly: what it restricts must be understood. */
export function readPolicy(
  bytes: Buffer,
  now: EpochSeconds,
): Pick<Grant, 'resource' | 'validUntil' | 'constraints'> | Refusal {
  const policy = isUtf8(bytes)
    ? members(parseStrictJson(bytes.toString()), ['Statement'])
    : undefined
  const statements = policy?.['Statement']
  if (!Array.isArray(statements) || statements.length !== 1) {
    return malformed('is no JSON object with one Statement')
  }
  const statement = members(statements[0], ['Resource', 'Condition'])
  const condition = members(statement?.['Condition'], [
    'DateLessThan',
    'DateGreaterThan',
    'IpAddress',
  ])
  if (!statement || !condition) return malformed('has members that are not known')
  const { Resource: pattern = '*' } = statement as { readonly Resource?: unknown }
  if (typeof pattern !== 'string' || pattern === '')
    return malformed('has a Resource that is no text')
  const validUntil = readTime(condition['DateLessThan'])
  if (validUntil === undefined || validUntil > now + MAX_AHEAD_SECONDS) {
    return malformed('needs a DateLessThan in seconds, at most 10 years ahead')
  }
  const constraints: { nbf?: EpochSeconds; ip?: readonly Network[] } = {}
  if (condition['DateGreaterThan'] !== undefined) {
    const after = readTime(condition['DateGreaterThan'])
    if (after === undefined) return malformed('has a DateGreaterThan that is no time')
    constraints.nbf = after + 1
  }
  if (condition['IpAddress'] !== undefined) {
    const network = readSource(condition['IpAddress'])
    if (!network) return malformed('has an IpAddress that is no IPv4 address or range')
    // 0.0.0.0/0 is how a policy says: any address, of either family
    if (network.prefix > 0) constraints.ip = [network]
  }
  return { resource: resourceOf(pattern), validUntil, constraints }
}

/** The URL that a policy speaks of: as the client called it, without CloudFront's own parameters. */
export function urlOf({ site, target }: RequestContext): string {
  return `${site.scheme}://${site.host}${pathAndQueryOf(target)}`
}

function pathAndQueryOf({ rawPath, rawQuery }: RequestContext['target']): string {
  if (rawQuery === undefined) return rawPath
  const others = rawQuery
    .split('&')
    .filter((pair) => !(PARAMETERS as readonly string[]).includes(pair.split('=', 1)[0] ?? ''))
  return others.length === 0 ? rawPath : `${rawPath}?${others.join('&')}`
}

/**
 * `*` covers everything. Else scheme, host and the rest are matched one by one: over the whole URL,
 * `http*://host/a/*` would cover `http://host/b?://host/a/` as well.
 */
function resourceOf(pattern: string): Resource {
  const parts = /^([^:/]*):\/\/([^/]*)(\/.*)$/s.exec(pattern)
  const [, schemes = '', hosts = '', rest = ''] = parts ?? []
  return {
    kind: 'pattern',
    text: pattern,
    covers(context) {
      if (isHostilePath(context.target.rawPath)) return false
      if (!parts) return matchesGlob(pattern, urlOf(context))
      const { scheme, host } = context.site
      return (
        matchesGlob(schemes.toLowerCase(), scheme) &&
        matchesGlob(hosts.toLowerCase(), host) &&
        matchesGlob(rest, pathAndQueryOf(context.target))
      )
    },
  }
}

function readTime(value: unknown): EpochSeconds | undefined {
  const time = members(value, [EPOCH])?.[EPOCH]
  return isCount(time) ? time : undefined
}

function readSource(value: unknown): Network | undefined {
  const source = members(value, [SOURCE])?.[SOURCE]
  const network = typeof source === 'string' ? parseNetwork(source) : undefined
  return network?.first.family === 4 ? network : undefined
}

/** A JSON object that has no members but these. */
function members(value: unknown, names: readonly string[]): Record<string, unknown> | undefined {
  if (!isJsonObject(value)) return undefined
  return Object.keys(value).every((name) => names.includes(name)) ? value : undefined
}

function malformed(what: string): Refusal {
  return refuse('link_malformed', `the Policy ${what}`)
}
