import type { PolicyConfig } from '../config/policy-schema.ts'
import type { LoggedLink, LoggedRequest } from './logged-request.ts'

/** The policies of the configuration by name: what the records were judged by, as far as anyone knows. */
export type PoliciesThen = (name: string) => PolicyConfig | undefined

/**
 * Whether a refusal holds under any policy: it came from the link, from an operator or from what no
 * record shows. What the link may have asked for is taken for the policy's only where that policy asks.
 */
export function holdsUnderAnyPolicy(
  { refusal }: LoggedRequest,
  policy: PolicyConfig | undefined,
): boolean {
  if (!refusal) return false
  // the link's own rules, which records name so
  if (refusal.detail.startsWith('accessRules:')) return true
  switch (refusal.reason) {
    case 'country_not_allowed':
    case 'network_blocked':
    case 'anonymizer_blocked':
    case 'link_shared':
    case 'too_many_connections':
    case 'method_not_allowed':
      return false
    case 'too_many_downloads':
      return policy?.parallel.maxDownloads == null && policy?.uses.max == null
    case 'link_used':
      return policy?.uses.max == null
    case 'address_not_allowed':
      return policy === undefined || policy.address.pin === 'optional'
    default:
      return true
  }
}

/**
 * What the link itself said of anti-fraud. A link is taken to be silent where it got what its policy
 * sets for silent ones.
 */
export function ownAntiFraud(
  { antiFraud }: LoggedLink,
  policy: PolicyConfig | undefined,
): boolean | undefined {
  return antiFraud === (policy?.antiFraud.default ?? false) ? undefined : antiFraud
}
