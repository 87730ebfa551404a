import type { Grant } from '../link/grant.ts'
import type { Policy } from '../policy/policy.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { LinkState } from '../state/link-state.ts'
import { questionOf } from './admission.ts'
import { type Revocations, SessionHistory } from './history.ts'

/** Looks up what the state knows of a link, as a request would, and takes nothing. */
export function recallFrom(links: Pick<LinkState, 'open'>, revocations: Revocations) {
  return async (grant: Grant, context: RequestContext, policy: Policy): Promise<SessionHistory> => {
    const question = questionOf(grant, context, policy)
    const session = await links.open({ ...question, place: undefined })
    return new SessionHistory(revocations, session)
  }
}
