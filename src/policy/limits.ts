import type { Grant } from '../link/grant.ts'
import type { Policy } from './policy.ts'

/** How many complete downloads the link and the policy leave: the stricter; undefined is without end. */
export function maxUses(grant: Grant, policy: Policy): number | undefined {
  return strictest(grant.constraints.multi_use === false ? 1 : undefined, policy.uses.max)
}

/** A flow of bytes that a download takes part in. */
export interface Flow {
  readonly key: string
  readonly bytesPerSecond: number
}

/**
 * The flows that a download is bound by: that of its link, and that of its subject where the policy counts by
 * it. Who is slowed shares a flow with all others of the link who are slowed: the welcome ones keep theirs.
 */
export function flowsOf(grant: Grant, policy: Policy, isSlowed: boolean): Flow[] {
  const { rate, subject } = grant.constraints
  const { bytesPerSecond, countBy } = policy.rate
  const bySubject = countBy === 'subject' && subject !== undefined
  const ofLink = bySubject ? rate : strictest(rate, bytesPerSecond)
  const flows: Flow[] = []
  if (isSlowed) {
    const slow = Math.min(ofLink ?? Infinity, policy.antiFraud.sharing.slowBytesPerSecond)
    flows.push({ key: `slow ${grant.countKey}`, bytesPerSecond: slow })
  } else if (ofLink !== undefined) {
    flows.push({ key: `link ${grant.countKey}`, bytesPerSecond: ofLink })
  }
  if (bySubject && bytesPerSecond !== undefined) {
    flows.push({ key: `subject ${subject}`, bytesPerSecond })
  }
  return flows
}

function strictest(x: number | undefined, y: number | undefined): number | undefined {
  if (x === undefined || y === undefined) return x ?? y
  return Math.min(x, y)
}
