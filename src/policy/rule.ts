import type { Address } from '../base/address.ts'
import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Enforcement, Policy } from './policy.ts'
import type { Sightings } from '../base/sightings.ts'

/** What rules ask of the state: read only, so that a refused request spends nothing. */
export interface LinkHistory {
  /** Why the grant is revoked for this path, or undefined. */
  revocation(grant: Grant, path: string): string | undefined
  /** Whether this client began this object by this link before it expired, and has not finished. */
  isResumable(grant: Grant, context: RequestContext): boolean
  /** The address that the link's first download came from. */
  readonly firstAddress: Address | undefined
  /** From where all that is counted by the key was used within the policy's window. */
  sightings(key: string): Sightings
}

/** A condition on a verified link: a pure function that reads as a fact. */
export interface Rule {
  readonly name: string
  /**
   * The enforcement that the policy sets for this rule alone. `always` marks what the link itself
   * proves or an operator withdrew: observing it would open what the signature closes. `slow` lets
   * the request pass, with fewer bytes a second.
   */
  enforcement(policy: Policy): Enforcement | 'always' | 'slow'
  check(
    grant: Grant,
    context: RequestContext,
    policy: Policy,
    history: LinkHistory,
  ): Refusal | undefined
}

export const always = (): 'always' => 'always'

/** For rules without a setting of their own: the policy's enforcement decides. */
export const asThePolicy = (policy: Policy): Enforcement => policy.enforcement
