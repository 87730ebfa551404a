import type { Grant } from '../link/grant.ts'
import type { Policy } from './policy.ts'

/** Whether anti-fraud is on: as the link says, or as the policy does where the link is silent. */
export function hasAntiFraud(grant: Grant, policy: Policy): boolean {
  return grant.constraints.anti_fraud ?? policy.antiFraud.default
}

/** Whether the networks that download by the link are limited, and so have to be remembered. */
export function countsNetworks(grant: Grant, policy: Policy): boolean {
  const { maxNetworks, maxCountries } = policy.antiFraud.sharing
  const isLimited = maxNetworks !== undefined || maxCountries !== undefined
  return isLimited && hasAntiFraud(grant, policy)
}
