import { clientNetwork } from '../base/address.ts'
import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import { countsNetworks } from '../policy/anti-fraud.ts'
import type { Policy } from '../policy/policy.ts'
import type { LinkHistory } from '../policy/rule.ts'
import { isNotShared } from '../policy/rules/sharing.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { RevocationList } from '../state/revocations.ts'
import type { SharingLedger } from '../state/sharing-ledger.ts'

interface SharingServices {
  readonly sharing: SharingLedger
  readonly history: LinkHistory
  readonly revocations: RevocationList
}

/**
 * Counts the network of a download that begins. The rule is asked once more: between its answer and now
 * other networks may have begun, and the last place goes to one of them.
 */
export function admitNetwork(
  { sharing, history, revocations }: SharingServices,
  context: RequestContext,
  grant: Grant,
  policy: Policy,
): Refusal | undefined {
  const { client, country, now } = context
  if (!client || !countsNetworks(grant, policy)) return undefined
  if (isNotShared.enforcement(policy) === 'enforce') {
    const late = isNotShared.check(grant, context, policy, history)
    if (late) {
      revokeIfShared(revocations, late, context, grant, policy)
      return late
    }
  }
  const expires = now + policy.antiFraud.sharing.windowSeconds
  sharing.record({ link: grant.countKey, network: clientNetwork(client), country, now, expires })
  return undefined
}

/** Withdraws a link that was refused as shared, where the policy asks for that. Who only looks withdraws none. */
export function revokeIfShared(
  revocations: RevocationList,
  { reason, detail }: Refusal,
  { client, method, now }: RequestContext,
  grant: Grant,
  policy: Policy,
): void {
  if (reason !== 'link_shared' || policy.antiFraud.sharing.action !== 'revoke') return
  if (!client || method !== 'GET') return
  const note = `shared: ${detail}`
  revocations.add({ link_id: grant.linkId, kid: grant.key.kid, note }, now)
}
