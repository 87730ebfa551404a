import type { Address } from '../../base/address.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { canonicalisePath } from '../../request/canonical-path.ts'
import type { Constraints } from '../constraints.ts'
import { countryLists } from './country-rules.ts'

/** The parameters of a new link, in their order. */
export function namedParameters(
  path: string,
  { rate, accessRules }: Constraints,
): ReadonlyMap<string, string> | Refusal {
  const named = new Map<string, string>()
  if (rate !== undefined) {
    if (rate % 1000 !== 0) {
      return refuse('link_constraint_unsupported', 'rate: whole kB/s, a multiple of 1000')
    }
    named.set('limit', String(rate / 1000))
  }
  if (accessRules) {
    const lists = countryLists(accessRules)
    if (!lists) {
      const detail =
        'accessRules: only countries to block, then countries to allow and a block of any'
      return refuse('link_constraint_unsupported', detail)
    }
    if (lists.allowed) named.set('token_countries', lists.allowed.join(','))
    if (lists.blocked) named.set('token_countries_blocked', lists.blocked.join(','))
  }
  if (path.endsWith('/*')) {
    const sample = canonicalisePath(`${path.slice(0, -1)}x`)
    if (!sample.ok) return refuse('link_constraint_unsupported', `path: ${sample.why}`)
    named.set('token_path', sample.path.slice(0, -1))
  }
  return named
}

/** The address that a new token hashes, if any. The newest form takes the /64 of an IPv6 address. */
export function namedAddress(
  { ip }: Constraints,
  isNewest: boolean,
  isBound: boolean,
): Address | Refusal | undefined {
  const [network, ...others] = ip ?? []
  if (!network) {
    if (isNewest || !isBound) return undefined
    return refuse('link_constraint_unsupported', 'ip: tokens of this route are for one address')
  }
  const width = network.first.family === 4 ? 32 : isNewest ? 64 : 128
  if (others.length === 0 && network.prefix === width) return network.first
  const detail = `ip: a token names one IPv4 address or one IPv6 ${isNewest ? '/64' : 'address'}`
  return refuse('link_constraint_unsupported', detail)
}
