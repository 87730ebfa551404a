import { refuse } from '../../base/refusal.ts'
import { evaluateAccessRules } from '../../link/access-rule.ts'
import { asThePolicy, type Rule } from '../rule.ts'

/** The link's own `accessRules`, in order. Country data does not exist yet: a country is unknown. */
export const passesAccessRules: Rule = {
  name: 'access-rules',
  enforcement: asThePolicy,
  check(grant, context) {
    const { accessRules } = grant.constraints
    if (!accessRules) return undefined
    const { verdict, type } = evaluateAccessRules(accessRules, context.client, undefined)
    if (verdict === 'allow') return undefined
    const byCountry = accessRules.some((rule) => rule.type === 'ip.geoip.country')
    return refuse(
      byCountry && type !== 'ip.src' ? 'country_not_allowed' : 'address_not_allowed',
      `accessRules: ${type} ${verdict === 'block' ? 'blocks' : 'cannot be evaluated'}`,
    )
  },
}
