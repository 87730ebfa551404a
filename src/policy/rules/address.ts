import { type Address, maskAddress, type Network, networkContains } from '../../base/address.ts'
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
      const first = history.firstAddress
      if (first) allowed = [{ first, prefix: first.family === 4 ? 32 : 128 }]
      else if (!context.client)
        return refuse('address_not_allowed', 'the client address is unknown')
    }
    if (!allowed) return undefined
    const { client } = context
    if (!client) return refuse('address_not_allowed', 'the client address is unknown')
    for (const network of allowed) {
      if (networkContains(widen(network, policy), client)) return undefined
    }
    const elsewhere =
      policy.address.tolerance === 'asn'
        ? whyAnotherAs(client, context.network.asn, allowed, policy)
        : `${client.text} is not where the link is pinned`
    return elsewhere === undefined ? undefined : refuse('address_not_allowed', elsewhere)
  },
}

/** A pinned block is in the AS of its first address. What has no known AS is in none. */
function whyAnotherAs(
  client: Address,
  asn: number | undefined,
  allowed: readonly Network[],
  policy: Policy,
): string | undefined {
  if (asn === undefined) return `the AS of ${client.text} is unknown, and it is not pinned itself`
  const pinned = new Set(allowed.flatMap(({ first }) => policy.address.asnOf(first) ?? []))
  if (pinned.has(asn)) return undefined
  if (pinned.size === 0) return 'the AS of where the link is pinned is unknown'
  return `${client.text} is in AS${asn}, and the link is pinned to AS${[...pinned].join(', AS')}`
}

function widen(network: Network, policy: Policy): Network {
  if (policy.address.tolerance !== 'prefix') return network
  const prefix = Math.min(network.prefix, TOLERATED[network.first.family])
  return { first: maskAddress(network.first, prefix), prefix }
}
