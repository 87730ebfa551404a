import type { Address } from '../../base/address.ts'
import { type Anonymizer, ANONYMIZERS } from '../../base/network-facts.ts'
import { refuse } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { hasAntiFraud } from '../anti-fraud.ts'
import { listing } from '../named-networks.ts'
import type { Enforcement, Policy } from '../policy.ts'
import type { Rule } from '../rule.ts'

/** Where anti-fraud is on, the client is behind no anonymizer of a kind that is denied. */
export const isNoAnonymizer = anonymizerRule('anonymizers', 'deny', enforcementOf)

/** The same of the kinds that are only watched: nothing is refused. */
export const isNoWatchedAnonymizer = anonymizerRule(
  'anonymizers-watched',
  'observe',
  () => 'observe',
)

function enforcementOf(policy: Policy): Enforcement {
  return policy.antiFraud.enforcement
}

function anonymizerRule(
  name: string,
  action: 'deny' | 'observe',
  enforcement: Rule['enforcement'],
): Rule {
  return {
    name,
    enforcement,
    check(grant, context, policy) {
      if (!hasAntiFraud(grant, policy)) return undefined
      const { anonymizers } = policy.antiFraud
      const kinds = ANONYMIZERS.filter((kind) => anonymizers[kind].action === action)
      if (kinds.length === 0) return undefined
      const { client } = context
      if (!client) {
        return action === 'deny'
          ? refuse('anonymizer_blocked', 'the client address is unknown')
          : undefined
      }
      const isRelayed = anonymizers.relay.action === 'allow' && isRelay(client, context, policy)
      for (const kind of kinds) {
        // addresses of relays are those of data centres, and VPN lists hold them; Tor exits are none
        if (isRelayed && kind !== 'tor') continue
        const why = evidence(kind, client, context, policy)
        if (why !== undefined) return refuse('anonymizer_blocked', `${kind}: ${why}`)
      }
      return undefined
    },
  }
}

/** A list without data makes nobody a relay: that would open what the other kinds deny. */
export function isRelay(client: Address, { network }: RequestContext, policy: Policy): boolean {
  return (
    network.anonymizers.includes('relay') ||
    policy.antiFraud.anonymizers.relay.lists.some((list) => list.networks()?.has(client) === true)
  )
}

/** Why the client counts as behind an anonymizer of this kind, for a record. */
function evidence(
  kind: Anonymizer,
  client: Address,
  { network }: RequestContext,
  policy: Policy,
): string | undefined {
  if (network.anonymizers.includes(kind)) return 'geo.anonymous says so'
  const { action, lists } = policy.antiFraud.anonymizers[kind]
  // where nothing is refused, what nobody can say is no observation
  const judged = action === 'deny' ? lists : lists.filter((list) => list.networks() !== undefined)
  return listing(client, judged)
}
