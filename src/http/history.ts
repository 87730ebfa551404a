import type { Address } from '../base/address.ts'
import type { Grant } from '../link/grant.ts'
import type { EpochSeconds } from '../base/clock.ts'
import type { LinkHistory } from '../policy/rule.ts'
import type { Sightings } from '../base/sightings.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { DownloadLedger } from '../state/download-ledger.ts'
import type { RevocableLink, RevocationList } from '../state/revocations.ts'
import type { SharingStore } from '../state/sharing-store.ts'
import { downloadKey } from './admission.ts'

/** What the state knows of a link, as rules ask for it. */
export class StoredHistory implements LinkHistory {
  readonly #revocations: RevocationList
  readonly #ledger: DownloadLedger
  readonly #sharing: SharingStore

  constructor(revocations: RevocationList, ledger: DownloadLedger, sharing: SharingStore) {
    this.#revocations = revocations
    this.#ledger = ledger
    this.#sharing = sharing
  }

  revocation(grant: Grant, path: string): string | undefined {
    const id = this.#revocations.find(revocable(grant), path)
    return id === undefined ? undefined : `revocation ${id}`
  }

  isResumable(grant: Grant, context: RequestContext): boolean {
    if (context.headers.range === undefined) return false
    const known = this.#ledger.find(downloadKey(grant, context))
    if (!known || known.etag === '') return false
    return known.startedAt < grant.validUntil && known.intervals.covered < known.size
  }

  firstAddress(grant: Grant): Address | undefined {
    return this.#ledger.firstAddress(grant.countKey)
  }

  sightings(key: string, after: EpochSeconds): Sightings {
    return this.#sharing.sightings(key, after)
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
