import type { EpochSeconds } from '../base/clock.ts'
import type { ConstraintName } from '../link/constraints.ts'
import type { Grant } from '../link/grant.ts'
import { hasAntiFraud } from './anti-fraud.ts'
import type { Policy } from './policy.ts'

/** What a link may say and still be the same for everyone who has it. A new constraint is not among them. */
const SAME_FOR_ALL: ReadonlySet<string> = new Set<ConstraintName>([
  'jti',
  'iat',
  'nbf',
  'streaming',
  'filename',
  'anti_fraud',
])

/**
 * For how many seconds a shared cache may answer in place of the gateway; 0: not at all. Never beyond the
 * life of link and key, and never where it matters who asks, from where, or how often.
 */
export function sharedCacheSeconds(grant: Grant, policy: Policy, now: EpochSeconds): number {
  const { edge } = policy.delivery
  if (!edge || !isOpenToAll(policy) || !isSameForAll(grant) || hasAntiFraud(grant, policy)) return 0
  const end = Math.min(grant.validUntil, grant.key.retireAt ?? Infinity)
  return Math.max(0, Math.min(edge.maxSeconds, Math.floor(end - now - edge.marginSeconds)))
}

/** Rules that only observe count: a cache would hide from them what they are there to see. */
function isOpenToAll(policy: Policy): boolean {
  const { address, parallel, uses, rate, countries, networks, referrers } = policy
  return (
    address.pin === 'optional' &&
    parallel.maxDownloads === undefined &&
    uses.max === undefined &&
    rate.bytesPerSecond === undefined &&
    countries.allow.size + countries.block.size === 0 &&
    networks.allow.length + networks.block.length === 0 &&
    referrers.allow.length === 0
  )
}

function isSameForAll(grant: Grant): boolean {
  const { conditions = [] } = grant
  const { multi_use, ...others } = grant.constraints
  const names = Object.entries(others).flatMap(([name, value]) => (value === undefined ? [] : name))
  return (
    multi_use !== false &&
    conditions.length === 0 &&
    !('renew' in grant) &&
    names.every((name) => SAME_FOR_ALL.has(name))
  )
}
