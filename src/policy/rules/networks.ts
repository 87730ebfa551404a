import { refuse } from '../../base/refusal.ts'
import { listing } from '../named-networks.ts'
import type { Rule } from '../rule.ts'

/** The client's network is on no block list, and on an allow list where there is one. */
export const isFromAllowedNetwork: Rule = {
  name: 'networks',
  enforcement: (policy) => policy.networks.enforcement,
  check(_grant, context, policy) {
    const { allow, block } = policy.networks
    if (allow.length === 0 && block.length === 0) return undefined
    const { client } = context
    if (!client) return refuse('network_blocked', 'the client address is unknown')
    const blocked = listing(client, block)
    if (blocked !== undefined) return refuse('network_blocked', blocked)
    if (allow.length === 0 || allow.some((list) => list.networks()?.has(client))) return undefined
    return refuse('network_blocked', `${client.text} is on no allowed network`)
  },
}
