import { LRUCache } from 'lru-cache'
import { digestText } from '../base/bytes.ts'
import { refuse } from '../base/refusal.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Grant } from './grant.ts'
import { isActive, type KeyRing } from './key-ring.ts'
import { RecentNames } from './recent-names.ts'
import type { Carrier, Scheme, Verification } from './scheme.ts'
import { SchemeFinder } from './scheme-finder.ts'

/** Grants remembered by one route. An entry is some hundred bytes; the bound keeps a flood of links small. */
const MAX_REMEMBERED = 50_000

/** Longer carriers are remembered by their digest, which takes a microsecond to make. */
const MAX_NAME = 512

interface FoundLink {
  readonly outcome: 'found'
  readonly scheme: Scheme
  readonly carrier: Carrier
}

export type LocatedLink = FoundLink | Exclude<Verification, { readonly outcome: 'granted' }>

/**
 * Finds the one link of a request among the schemes of a route and verifies it. A link that verified twice
 * is remembered under what was signed, so that its signature is computed no more. What can
 * change is asked each time: the key's life here, the link's expiry and revocation by the rules.
 */
export class LinkVerifier {
  readonly schemes: readonly Scheme[]
  readonly #keys: KeyRing
  readonly #finder: SchemeFinder
  readonly #remembered = new LRUCache<string, Grant>({ max: MAX_REMEMBERED })
  readonly #recent = new RecentNames()
  /** Of the keys that verified what is remembered. */
  #version: number

  constructor(schemes: readonly Scheme[], keys: KeyRing) {
    this.schemes = schemes
    this.#keys = keys
    this.#version = keys.version
    this.#finder = new SchemeFinder(schemes)
  }

  verify(context: RequestContext): Verification {
    const link = this.locate(context)
    return link.outcome === 'found' ? this.check(link, context) : link
  }

  /** Verifies the link that `locate` has found in the request. */
  check({ scheme, carrier }: FoundLink, context: RequestContext): Verification {
    if (this.#version !== this.#keys.version) {
      this.#remembered.clear()
      this.#version = this.#keys.version
    }
    const name = nameOf(scheme, carrier)
    const known = this.#remembered.get(name)
    if (known) {
      if (isActive(known.key, context.now)) return { outcome: 'granted', grant: known }
      this.#remembered.delete(name)
    }
    const verified = scheme.verify(carrier, this.#keys, context)
    // most links come once: what is kept of them costs the garbage collector more than a second check
    if (verified.outcome === 'granted' && this.#recent.add(name)) {
      this.#remembered.set(name, verified.grant)
    }
    return verified
  }

  /** The link of a request before its signature is looked at. Two links refuse, even if one is good. */
  locate(context: RequestContext): LocatedLink {
    let sure: FoundLink | undefined
    let weak: FoundLink | undefined
    for (const scheme of this.#finder.candidates(context)) {
      const found = scheme.find(context)
      if (found.outcome === 'absent') continue
      if (found.outcome === 'refused') return found
      const link = { outcome: 'found', scheme, carrier: found.carrier } as const
      if (found.isWeak) weak ??= link
      else if (!sure) sure = link
      else {
        const refusal = refuse('link_ambiguous', `links of ${sure.scheme.name} and ${scheme.name}`)
        return { outcome: 'refused', refusal }
      }
    }
    return sure ?? weak ?? { outcome: 'absent' }
  }
}

/** All that a signature depends on, and no two carriers share. */
function nameOf({ name }: Scheme, { place, text }: Carrier): string {
  const whole = `${name} ${place} ${text}`
  return whole.length > MAX_NAME ? digestText(whole) : whole
}
