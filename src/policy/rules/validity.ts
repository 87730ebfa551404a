import { refuse } from '../../base/refusal.ts'
import { asThePolicy, type Rule } from '../rule.ts'

/** RFC 7519 section 4.1.5, with the policy's leeway for clocks that go wrong. */
export const isBegun: Rule = {
  name: 'not-before',
  enforcement: (policy) => policy.leeway.enforcement,
  check(grant, context, policy) {
    const { nbf } = grant.constraints
    if (nbf === undefined || context.now + policy.leeway.notBeforeSeconds >= nbf) return undefined
    return refuse('link_not_yet_valid', `nbf ${nbf}, now ${context.now}`)
  },
}

/**
 * `now < expiry` (RFC 7519 section 4.1.4), checked when a request begins. A client that began in time
 * may go on with the same object for the policy's grace.
 */
export const isUnexpired: Rule = {
  name: 'expiry',
  enforcement: (policy) => policy.leeway.enforcement,
  check(grant, context, policy, history) {
    const end = grant.validUntil + policy.leeway.expirySeconds
    if (context.now < end) return undefined
    if (context.now < end + policy.resume.graceSeconds && history.isResumable(grant, context)) {
      return undefined
    }
    return refuse('link_expired', `expired at ${grant.validUntil}, now ${context.now}`)
  },
}

/** A token that says when it was made and when it ends must not live longer than the policy allows. */
export const isShortEnough: Rule = {
  name: 'lifetime',
  enforcement: asThePolicy,
  check(grant, _context, policy) {
    const { iat } = grant.constraints
    if (iat === undefined || grant.validUntil - iat <= policy.lifetime.maxSeconds) return undefined
    return refuse(
      'link_lifetime_exceeded',
      `lives ${grant.validUntil - iat} s, the policy allows ${policy.lifetime.maxSeconds} s`,
    )
  },
}
