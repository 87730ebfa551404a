import type { EpochSeconds } from '../base/clock.ts'
import type { Refusal } from '../base/refusal.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Constraints } from './constraints.ts'
import type { Grant } from './grant.ts'
import type { Key, KeyRing } from './key-ring.ts'

/** Where in a request a link was found, and the bytes that say everything the signature covers. */
export interface Carrier {
  readonly place: 'query' | 'path' | 'cookie' | 'authorization'
  readonly text: string
}

export type Found =
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'found'; readonly carrier: Carrier }
  /** Carriers that contradict each other, or parameters that may not stand beside one. */
  | { readonly outcome: 'refused'; readonly refusal: Refusal }

export const ABSENT: Found = { outcome: 'absent' }

/** "Not my kind of link" is not a refusal. */
export type Verification =
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | { readonly outcome: 'granted'; readonly grant: Grant }

export type Verified = Exclude<Verification, { readonly outcome: 'absent' }>

/** Ten years. An expiry further ahead is taken for milliseconds that were meant to be seconds. */
export const MAX_AHEAD_SECONDS = 10 * 365 * 86_400

/** What a new link shall say. */
export interface LinkRequest {
  /** Percent-encoded as in the URL; a prefix ends in `/*`. */
  readonly path: string
  readonly expiresAt: EpochSeconds
  readonly constraints: Constraints
}

/** A signed link without scheme and host. */
export interface SignedLink {
  readonly target: string
}

/** One link format. */
export interface Scheme {
  readonly name: string
  /** Whether a request carries a link of this format, by the names of its carriers alone. Cheap. */
  find(context: RequestContext): Found
  /** Checks signature and form of a carrier. What depends on the time, the client or a count is policy. */
  verify(carrier: Carrier, keys: KeyRing, now: EpochSeconds): Verified
  /** Signs through the canonical form that `verify` reads. A constraint it cannot express is refused. */
  sign(request: LinkRequest, key: Key): SignedLink | Refusal
  /** The exact text that is signed, for people who look for the first difference. */
  canonicalText(carrier: Carrier): string | undefined
}
