import type { Grant } from '../link/grant.ts'
import type { Policy, SharingLimits } from './policy.ts'

/** Whether anti-fraud is on: as the link says, or as the policy does where the link is silent. */
export function hasAntiFraud(grant: Grant, policy: Policy): boolean {
  return grant.constraints.anti_fraud ?? policy.antiFraud.default
}

/** Whether it matters from where links are used, so that it has to be remembered. */
export function countsUses(grant: Grant, policy: Policy): boolean {
  return hasAntiFraud(grant, policy) && countedKeys(grant, policy).length > 0
}

/** A key that uses are counted by, and the limits that hold for it. */
export interface CountedKey {
  readonly of: 'link' | 'subject'
  readonly key: string
  readonly limits: SharingLimits
}

/** What the uses of a link are counted by: the link, and its subject where it has one. */
export function countedKeys(grant: Grant, policy: Policy): CountedKey[] {
  const { sharing } = policy.antiFraud
  const { subject } = grant.constraints
  const keys: CountedKey[] = [{ of: 'link', key: `link:${grant.countKey}`, limits: sharing }]
  if (subject !== undefined) {
    keys.push({ of: 'subject', key: `subject:${subject}`, limits: sharing.subject })
  }
  const hasHeuristics = sharing.heuristics.minSignals !== undefined
  return keys.filter(({ limits }) => hasHeuristics || isLimited(limits))
}

function isLimited({ maxNetworks, maxAsns, maxCountries, maxDevices }: SharingLimits): boolean {
  return [maxNetworks, maxAsns, maxCountries, maxDevices].some((max) => max !== undefined)
}
