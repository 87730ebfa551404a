import { refuse } from '../../base/refusal.ts'
import { hasAntiFraud } from '../anti-fraud.ts'
import { listing } from '../named-networks.ts'
import type { Rule } from '../rule.ts'

/** Where anti-fraud is on, the client is on none of the lists that the policy names for it. */
export const isOnNoFraudList: Rule = {
  name: 'fraud-lists',
  enforcement: (policy) => policy.antiFraud.enforcement,
  check(grant, { client }, policy) {
    const { lists } = policy.antiFraud
    if (lists.length === 0 || !hasAntiFraud(grant, policy)) return undefined
    if (!client) return refuse('network_blocked', 'the client address is unknown')
    const blocked = listing(client, lists)
    return blocked === undefined ? undefined : refuse('network_blocked', blocked)
  },
}
