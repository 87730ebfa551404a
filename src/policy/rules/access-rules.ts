import { refuse } from '../../base/refusal.ts'
import { evaluateAccessRules } from '../../link/access-rule.ts'
import { asThePolicy, type Rule } from '../rule.ts'

/** The link's own `accessRules`, in order; the first that matches decides. */
export const passesAccessRules: Rule = {
  name: 'access-rules',
  enforcement: asThePolicy,
  check(grant, context) {
    const { accessRules } = grant.constraints
    if (!accessRules) return undefined
    const { client, network } = context
    const { country } = network
    const { verdict, type } = evaluateAccessRules(accessRules, client, country)
    if (verdict === 'allow') return undefined
    const byCountry = accessRules.some((rule) => rule.type === 'ip.geoip.country')
    const whom = `${client?.text ?? 'an unknown address'} in ${country ?? 'an unknown country'}`
    return refuse(
      byCountry && type !== 'ip.src' ? 'country_not_allowed' : 'address_not_allowed',
      `accessRules: ${type} ${verdict === 'block' ? 'blocks' : 'cannot be evaluated for'} ${whom}`,
    )
  },
}
