import { maskAddress, type Network, networkContains } from '../../base/address.ts'
import { refuse } from '../../base/refusal.ts'
import type { Policy } from '../policy.ts'
import type { Rule } from '../rule.ts'

/** Prefix tolerance: mobile and IPv6 privacy addresses change within these blocks. */
const TOLERATED = { 4: 24, 6: 64 } as const

/** The client is at an address that the link, or its first use, is pinned to. */
export const isPinnedHere: Rule = {
  name: 'address',
  enforcement: (policy) => policy.address.enforcement,
  check(grant, context, policy, history) {
    const { pin } = policy.address
    let allowed = grant.constraints.ip
    if (!allowed && pin === 'required') {
      return refuse('address_not_allowed', 'the policy requires an address and the link has none')
    }
    if (!allowed && pin === 'first-use') {
      const first = history.firstAddress(grant)
      if (first) allowed = [{ first, prefix: first.family === 4 ? 32 : 128 }]
      else if (!context.client)
        return refuse('address_not_allowed', 'the client address is unknown')
    }
    if (!allowed) return undefined
    const { client } = context
    if (!client) return refuse('address_not_allowed', 'the client address is unknown')
    if (allowed.some((network) => networkContains(widen(network, policy), client))) return undefined
    return refuse('address_not_allowed', `${client.text} is not where the link is pinned`)
  },
}

function widen(network: Network, policy: Policy): Network {
  if (policy.address.tolerance === 'exact') return network
  const prefix = Math.min(network.prefix, TOLERATED[network.first.family])
  return { first: maskAddress(network.first, prefix), prefix }
}
