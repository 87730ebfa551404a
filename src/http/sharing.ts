import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import type { Policy } from '../policy/policy.ts'
import type { LinkHistory } from '../policy/rule.ts'
import { findSharing } from '../policy/sharing/find-sharing.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { RevocationList } from '../state/revocations.ts'

export interface RevocableHistory {
  readonly history: LinkHistory
  readonly revocations: Pick<RevocationList, 'withdraw'>
}

/**
 * Withdraws what was refused as shared, the link or all links of its subject, where the policy asks for
 * that. Who only looks withdraws nothing; downloads that run go on.
 */
export function revokeIfShared(
  { history, revocations }: RevocableHistory,
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
  revocations.withdraw({ ...target, note: `shared: ${detail}` }, context.now)
}
