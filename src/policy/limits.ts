import type { Grant } from '../link/grant.ts'
import type { Policy } from './policy.ts'

/** How many complete downloads the link and the policy leave: the stricter; undefined is without end. */
export function maxUses(grant: Grant, policy: Policy): number | undefined {
  return strictest(grant.constraints.multi_use === false ? 1 : undefined, policy.uses.max)
}

/** Bytes a second for all connections of the link together. */
export function bytesPerSecond(grant: Grant, policy: Policy): number | undefined {
  return strictest(grant.constraints.rate, policy.rate.bytesPerSecond)
}

function strictest(x: number | undefined, y: number | undefined): number | undefined {
  if (x === undefined || y === undefined) return x ?? y
  return Math.min(x, y)
}
