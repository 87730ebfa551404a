import type { EpochSeconds } from '../base/clock.ts'

/** What a revocation withdraws: links for which every member that is set holds. */
export interface RevocationTarget {
  readonly link_id?: string | undefined
  readonly subject?: string | undefined
  /** Percent-decoded; a prefix ends in `/*`. */
  readonly path?: string | undefined
  readonly kid?: string | undefined
  readonly tag?: string | undefined
  /** Links issued before this second. A link that does not say when counts as issued before. */
  readonly issued_before?: EpochSeconds | undefined
  /** Why, for people; decides nothing. */
  readonly note?: string | undefined
}

export interface Revocation extends RevocationTarget {
  readonly id: string
  readonly created_at: EpochSeconds
}

/** The facts of a link that a revocation is compared with. */
export interface RevocableLink {
  readonly linkId: string
  readonly kid: string
  readonly subject: string | undefined
  readonly tag: string | undefined
  readonly issuedAt: EpochSeconds | undefined
}

type Indexed = 'link_id' | 'subject' | 'tag' | 'kid'
const INDEXED: readonly Indexed[] = ['link_id', 'subject', 'tag', 'kid']

/**
 * Revocations in memory. A look-up costs a few map reads whatever their number, except for those by path
 * prefix or date alone, which are scanned.
 */
export class RevocationIndex {
  readonly #all = new Map<string, Revocation>()
  readonly #index: Record<Indexed, Map<string, Set<Revocation>>> = {
    link_id: new Map(),
    subject: new Map(),
    tag: new Map(),
    kid: new Map(),
  }
  readonly #byPath = new Map<string, Set<Revocation>>()
  readonly #scanned = new Set<Revocation>()

  put(revocation: Revocation): void {
    this.remove(revocation.id)
    this.#all.set(revocation.id, revocation)
    this.#bucket(revocation).add(revocation)
  }

  remove(id: string): void {
    const revocation = this.#all.get(id)
    if (!revocation) return
    this.#all.delete(id)
    this.#bucket(revocation).delete(revocation)
  }

  /** The oldest first. */
  list(): Revocation[] {
    return [...this.#all.values()].toSorted((a, b) => a.created_at - b.created_at)
  }

  get(id: string): Revocation | undefined {
    return this.#all.get(id)
  }

  /** The id of a revocation that covers the link at this path, or undefined. */
  find(link: RevocableLink, path: string): string | undefined {
    if (this.#all.size === 0) return undefined
    const candidates = [
      this.#index.link_id.get(link.linkId),
      link.subject === undefined ? undefined : this.#index.subject.get(link.subject),
      link.tag === undefined ? undefined : this.#index.tag.get(link.tag),
      this.#index.kid.get(link.kid),
      this.#byPath.get(path),
      this.#scanned,
    ]
    for (const bucket of candidates) {
      if (!bucket) continue
      for (const revocation of bucket) if (revokes(revocation, link, path)) return revocation.id
    }
    return undefined
  }

  /** Where a revocation is looked for: by its most selective member. */
  #bucket(revocation: Revocation): Set<Revocation> {
    for (const member of INDEXED) {
      const value = revocation[member]
      if (value !== undefined) return bucketOf(this.#index[member], value)
    }
    const { path } = revocation
    if (path !== undefined && !path.endsWith('/*')) return bucketOf(this.#byPath, path)
    return this.#scanned
  }
}

function bucketOf(index: Map<string, Set<Revocation>>, value: string): Set<Revocation> {
  let bucket = index.get(value)
  if (!bucket) index.set(value, (bucket = new Set()))
  return bucket
}

/** Whether every member that the revocation sets holds for the link at this path. */
export function revokes(target: RevocationTarget, link: RevocableLink, path: string): boolean {
  const { link_id, subject, tag, kid, issued_before } = target
  return (
    (link_id === undefined || link_id === link.linkId) &&
    (subject === undefined || subject === link.subject) &&
    (tag === undefined || tag === link.tag) &&
    (kid === undefined || kid === link.kid) &&
    (issued_before === undefined || (link.issuedAt ?? 0) < issued_before) &&
    (target.path === undefined || coversPath(target.path, path))
  )
}

function coversPath(revoked: string, path: string): boolean {
  return revoked.endsWith('/*') ? path.startsWith(revoked.slice(0, -1)) : path === revoked
}
