import { refuse } from '../../base/refusal.ts'
import type { Rule } from '../rule.ts'
import { findSharing } from '../sharing/find-sharing.ts'

/**
 * Where anti-fraud is on, a link, and all links of one subject, are used from no more networks, countries
 * and devices than the policy allows, and without several signs of sharing at once. Who downloaded
 * before stays welcome.
 */
export const isNotShared: Rule = {
  name: 'sharing',
  enforcement({ antiFraud }) {
    const { action } = antiFraud.sharing
    if (action === 'observe' || antiFraud.enforcement === 'observe') return 'observe'
    return action === 'slow' ? 'slow' : 'enforce'
  },
  check(grant, context, policy, history) {
    const found = findSharing(grant, context, policy, history)
    return found && refuse('link_shared', found.detail)
  },
}
