import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import { decide } from '../policy/decide.ts'
import type { Policy } from '../policy/policy.ts'
import type { LinkHistory } from '../policy/rule.ts'
import { findSharing } from '../policy/sharing/find-sharing.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { LinkSession } from '../state/link-state.ts'
import type { RevocationList } from '../state/revocations.ts'
import type { Exchange } from './exchange.ts'
import { type Revocations, SessionHistory } from './history.ts'

export interface RevocableHistory {
  readonly history: LinkHistory
  readonly revocations: Pick<RevocationList, 'withdraw'>
}

/**
 * Asks the rules about a link as it is known now. What they only watch stands in the exchange; a link that
 * is refused as shared is withdrawn.
 */
export function judgeByRules(
  exchange: Exchange,
  revocations: RevocableHistory['revocations'] & Revocations,
  session: LinkSession,
  context: RequestContext,
  grant: Grant,
  policy: Policy,
): Refusal | undefined {
  const history = new SessionHistory(revocations, session)
  const { refusal, observed, slowed } = decide(grant, context, policy, history)
  exchange.observed = observed ?? slowed
  if (refusal) revokeIfShared({ history, revocations }, refusal, context, grant, policy)
  return refusal
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
