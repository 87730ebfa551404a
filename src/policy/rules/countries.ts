import { refuse } from '../../base/refusal.ts'
import type { Rule } from '../rule.ts'

/** The client's country is not blocked, and is allowed where the policy names whom it allows. */
export const isFromAllowedCountry: Rule = {
  name: 'countries',
  enforcement: (policy) => policy.countries.enforcement,
  check(_grant, { network: { country } }, policy) {
    const { allow, block } = policy.countries
    if (allow.size === 0 && block.size === 0) return undefined
    if (country === undefined) {
      return refuse('country_not_allowed', 'the country of the client is unknown')
    }
    if (block.has(country)) return refuse('country_not_allowed', `${country} is blocked`)
    if (allow.size === 0 || allow.has(country)) return undefined
    return refuse('country_not_allowed', `${country} is not among the countries that are allowed`)
  },
}
