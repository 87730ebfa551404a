import { clientNetwork } from '../../base/address.ts'
import { refuse } from '../../base/refusal.ts'
import { countsNetworks } from '../anti-fraud.ts'
import type { NetworkUse, Rule } from '../rule.ts'

/** Networks that a record names. */
const MAX_NAMED = 8

/**
 * Where anti-fraud is on, a link is used from no more networks and countries within the window than the
 * policy allows. A network that downloaded stays welcome; a country that is unknown counts as one more.
 */
export const isNotShared: Rule = {
  name: 'sharing',
  enforcement: ({ antiFraud }) =>
    antiFraud.sharing.action === 'observe' ? 'observe' : antiFraud.enforcement,
  check(grant, context, policy, history) {
    const { windowSeconds, maxNetworks, maxCountries } = policy.antiFraud.sharing
    if (!countsNetworks(grant, policy)) return undefined
    const { client, country, now } = context
    if (!client) return refuse('link_shared', 'the client address is unknown')
    const network = clientNetwork(client)
    const before = history.networksSince(grant, now - windowSeconds)
    if (before.some((use) => use.network === network)) return undefined
    const uses = [...before, { network, country }]
    const countries = new Set(uses.map((use) => use.country))
    const within = `in ${spanOf(windowSeconds)}: ${evidenceOf(uses)}`
    if (uses.length > (maxNetworks ?? Infinity)) {
      return refuse('link_shared', `${uses.length} networks ${within}`)
    }
    return countries.size > (maxCountries ?? Infinity)
      ? refuse('link_shared', `${countries.size} countries ${within}`)
      : undefined
  },
}

/** The newest networks, the one that asks last. */
function evidenceOf(uses: readonly NetworkUse[]): string {
  const named = uses.slice(-MAX_NAMED)
  const text = named
    .map(({ network, country }) => `${network} (${country ?? 'unknown'})`)
    .join(', ')
  return named.length < uses.length ? `${uses.length - named.length} others, ${text}` : text
}

function spanOf(seconds: number): string {
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds} s`
}
