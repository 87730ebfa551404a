import { refuse } from '../../base/refusal.ts'
import { isPrefetch, isPreviewBot } from '../../request/request-headers.ts'
import { countsUses } from '../anti-fraud.ts'
import { maxUses } from '../limits.ts'
import { asThePolicy, type Rule } from '../rule.ts'

/**
 * Browsers that guess and bots that draw previews do not spend what a person shall have: a use, the
 * first address that pins a link, or one of the networks that may share it. HEAD spends nothing and is answered.
 */
export const isAskedByPerson: Rule = {
  name: 'prefetch',
  enforcement: asThePolicy,
  check(grant, context, policy, history) {
    if (context.method === 'HEAD') return undefined
    const wouldPin =
      policy.address.pin === 'first-use' && !grant.constraints.ip && !history.firstAddress
    const spends = wouldPin || maxUses(grant, policy) !== undefined || countsUses(grant, policy)
    if (!spends) return undefined
    if (isPrefetch(context.headers))
      return refuse('prefetch_not_allowed', 'the request is a prefetch')
    return isPreviewBot(context.headers)
      ? refuse('prefetch_not_allowed', 'the client is a preview bot')
      : undefined
  },
}
