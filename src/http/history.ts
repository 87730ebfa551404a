import type { Address } from '../base/address.ts'
import type { Sightings } from '../base/sightings.ts'
import type { Grant } from '../link/grant.ts'
import type { LinkHistory } from '../policy/rule.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { LinkSession } from '../state/link-state.ts'
import type { RevocableLink } from '../state/revocation-index.ts'

/** Says which revocation covers a link at a path. */
export interface Revocations {
  find(link: RevocableLink, path: string): string | undefined
}

/** What the state knows of a link, as rules ask for it. */
export class SessionHistory implements LinkHistory {
  readonly #revocations: Revocations
  readonly #session: LinkSession

  constructor(revocations: Revocations, session: LinkSession) {
    this.#revocations = revocations
    this.#session = session
  }

  revocation(grant: Grant, path: string): string | undefined {
    const id = this.#revocations.find(revocable(grant), path)
    return id === undefined ? undefined : `revocation ${id}`
  }

  isResumable(grant: Grant, context: RequestContext): boolean {
    if (context.headers.range === undefined) return false
    const { known } = this.#session
    if (!known || known.etag === '') return false
    return known.startedAt < grant.validUntil && known.intervals.covered < known.size
  }

  get firstAddress(): Address | undefined {
    return this.#session.firstAddress
  }

  /** Uses of the link that are spent. */
  get spent(): number {
    return this.#session.spent
  }

  sightings(key: string): Sightings {
    return this.#session.sightings(key)
  }
}

/** The facts of a grant that revocations are compared with. */
export function revocable(grant: Grant): RevocableLink {
  const { subject, autograph_tag, iat } = grant.constraints
  return {
    linkId: grant.linkId,
    kid: grant.key.kid,
    subject,
    tag: autograph_tag,
    issuedAt: iat,
  }
}
