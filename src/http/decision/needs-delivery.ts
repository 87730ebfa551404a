import { refuse, type Refusal } from '../../base/refusal.ts'
import type { Grant } from '../../link/grant.ts'
import { maxUses } from '../../policy/limits.ts'
import type { Enforcement, Policy } from '../../policy/policy.ts'

/** A limit that nobody keeps who does not send the bytes, and whether it binds. */
export interface Unkept {
  readonly refusal: Refusal
  readonly enforcement: Enforcement
}

/**
 * What only the sender of the bytes can keep: it alone sees a download end and what of it arrived. A proxy
 * that delivers by itself sees neither, so the link is refused.
 */
export function* needsDelivery(
  { constraints, ...grant }: Grant,
  policy: Policy,
): Generator<Unkept> {
  const unkept = (what: string, enforcement: Enforcement): Unkept => ({
    refusal: refuse('link_constraint_unsupported', `only who sends the bytes can keep ${what}`),
    enforcement,
  })
  if (constraints.autograph_tag !== undefined) yield unkept('autograph_tag', 'enforce')
  if (maxUses({ constraints, ...grant }, policy) !== undefined) {
    yield unkept('a number of uses', policy.uses.enforcement)
  }
  if ((constraints.max_parallel_downloads ?? policy.parallel.maxDownloads) !== undefined) {
    yield unkept('a number of parallel downloads', policy.parallel.enforcement)
  }
}
