import { refuse } from '../../base/refusal.ts'
import { hasAntiFraud } from '../anti-fraud.ts'
import type { Rule } from '../rule.ts'

/** Where anti-fraud is on, the client is on none of the lists that the policy names for it. */
export const isOnNoFraudList: Rule = {
  name: 'fraud-lists',
  enforcement: (policy) => policy.antiFraud.enforcement,
  check(grant, { client }, policy) {
    const { lists } = policy.antiFraud
    if (lists.length === 0 || !hasAntiFraud(grant, policy)) return undefined
    if (!client) return refuse('network_blocked', 'the client address is unknown')
    const blocking = lists.find((list) => list.networks().has(client))
    return blocking && refuse('network_blocked', `${client.text} is on ${blocking.name}`)
  },
}
