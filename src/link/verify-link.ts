import { LRUCache } from 'lru-cache'
import { digestText } from '../base/bytes.ts'
import { refuse } from '../base/refusal.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Grant } from './grant.ts'
import { isActive, type KeyRing } from './key-ring.ts'
import type { Carrier, Scheme, Verification } from './scheme.ts'

/** Grants remembered by one route. An entry is some hundred bytes; the bound keeps a flood of links small. */
const MAX_REMEMBERED = 50_000

/**
 * Finds the one link of a request among the schemes of a route and verifies it. A verified link is
 * remembered under the digest of what was signed, so that its signature is computed once. What can
 * change is asked each time: the key's life here, the link's expiry and revocation by the rules.
 */
export class LinkVerifier {
  readonly schemes: readonly Scheme[]
  readonly #keys: KeyRing
  readonly #remembered = new LRUCache<string, Grant>({ max: MAX_REMEMBERED })

  constructor(schemes: readonly Scheme[], keys: KeyRing) {
    this.schemes = schemes
    this.#keys = keys
  }

  verify(context: RequestContext): Verification {
    const link = this.locate(context)
    if (link.outcome !== 'found') return link
    const { scheme, carrier } = link
    const digest = digestText(`${scheme.name} ${carrier.place} ${carrier.text}`)
    const known = this.#remembered.get(digest)
    if (known) {
      if (isActive(known.key, context.now)) return { outcome: 'granted', grant: known }
      this.#remembered.delete(digest)
    }
    const verified = scheme.verify(carrier, this.#keys, context.now)
    if (verified.outcome === 'granted') this.#remembered.set(digest, verified.grant)
    return verified
  }

  /** The link of a request before its signature is looked at. Two links refuse, even if one is good. */
  locate(
    context: RequestContext,
  ):
    | { readonly outcome: 'found'; readonly scheme: Scheme; readonly carrier: Carrier }
    | Exclude<Verification, { readonly outcome: 'granted' }> {
    let link: { outcome: 'found'; scheme: Scheme; carrier: Carrier } | undefined
    for (const scheme of this.schemes) {
      const found = scheme.find(context)
      if (found.outcome === 'absent') continue
      if (found.outcome === 'refused') return found
      if (link) {
        const refusal = refuse('link_ambiguous', `links of ${link.scheme.name} and ${scheme.name}`)
        return { outcome: 'refused', refusal }
      }
      link = { outcome: 'found', scheme, carrier: found.carrier }
    }
    return link ?? { outcome: 'absent' }
  }
}
