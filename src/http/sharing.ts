import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import { countedKeys, countsUses } from '../policy/anti-fraud.ts'
import type { Policy } from '../policy/policy.ts'
import type { LinkHistory } from '../policy/rule.ts'
import { isNotShared } from '../policy/rules/sharing.ts'
import { findSharing } from '../policy/sharing/find-sharing.ts'
import { sightingOf } from '../policy/sharing/sighting-of.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { RevocationList } from '../state/revocations.ts'
import type { SharingStore } from '../state/sharing-store.ts'

interface SharingServices {
  readonly sharing: SharingStore
  readonly history: LinkHistory
  readonly revocations: RevocationList
}

/** Whether a download that begins may take a place among those who use the link. */
export type UseAdmission =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | {
      readonly outcome: 'counted'
      /** Why the download is slowed; it then takes no place. */
      readonly slowed: Refusal | undefined
      /** To be called when the transfer ends. */
      readonly leave: () => void
    }

const UNCOUNTED = { outcome: 'counted', slowed: undefined, leave: () => undefined } as const

/**
 * Counts the use of a link that begins. The rule is asked once more: between its answer and now others
 * may have begun, and the last place goes to one of them.
 */
export function admitUse(
  { sharing, history, revocations }: SharingServices,
  context: RequestContext,
  grant: Grant,
  policy: Policy,
): UseAdmission {
  if (!countsUses(grant, policy)) return UNCOUNTED
  const enforcement = isNotShared.enforcement(policy)
  const late =
    enforcement === 'observe' ? undefined : isNotShared.check(grant, context, policy, history)
  if (late && enforcement === 'slow') return { ...UNCOUNTED, slowed: late }
  if (late) {
    revokeIfShared({ history, revocations }, late, context, grant, policy)
    return { outcome: 'refused', refusal: late }
  }
  const sighting = sightingOf(context, policy)
  if (!sighting) return UNCOUNTED
  const { windowSeconds } = policy.antiFraud.sharing
  const leaves = countedKeys(grant, policy).map(({ key }) => {
    sharing.record(key, sighting, context.now, windowSeconds)
    return sharing.enter(key, sighting)
  })
  const leave = (): void => {
    for (const leaveKey of leaves) leaveKey()
  }
  return { outcome: 'counted', slowed: undefined, leave }
}

/**
 * Withdraws what was refused as shared, the link or all links of its subject, where the policy asks for
 * that. Who only looks withdraws nothing; downloads that run go on.
 */
export function revokeIfShared(
  { history, revocations }: Pick<SharingServices, 'history' | 'revocations'>,
  { reason, detail }: Refusal,
  context: RequestContext,
  grant: Grant,
  policy: Policy,
): void {
  if (reason !== 'link_shared' || policy.antiFraud.sharing.action !== 'revoke') return
  if (!context.client || context.method !== 'GET') return
  const of = findSharing(grant, context, policy, history)?.of
  const target =
    of === 'subject'
      ? { subject: grant.constraints.subject }
      : { link_id: grant.linkId, kid: grant.key.kid }
  revocations.add({ ...target, note: `shared: ${detail}` }, context.now)
}
