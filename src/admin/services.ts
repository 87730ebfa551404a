import type { Clock, EpochSeconds } from '../base/clock.ts'
import type { AddressSet } from '../base/network-set.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { AdminToken } from '../config/keys.ts'
import type { DecisionHandler } from '../http/decision/decision-handler.ts'
import type { EntrySets } from '../lists/entry-set.ts'
import type { ListState } from '../lists/live-lists.ts'
import type { Recall } from '../operator/inspect-link.ts'
import type { LinkDesk } from '../operator/link-desk.ts'
import type { Origin } from '../origin/origin.ts'
import type { RecentRecords } from '../record/recent-records.ts'
import type { AuditLog } from '../record/audit-log.ts'
import type { Metrics } from '../record/metrics.ts'
import type { RenditionDesk } from '../rendition/rendition-desk.ts'
import type { LinkState } from '../state/link-state.ts'
import type { IdempotencyStore } from '../state/idempotency.ts'
import type { LiveView } from '../state/live-view.ts'
import type { RevocationList } from '../state/revocations.ts'

/** Everything that the admin API reads and changes. What a reload replaces is asked for anew each time. */
export interface AdminServices {
  readonly clock: Clock
  readonly desk: () => LinkDesk
  readonly tokens: () => readonly AdminToken[]
  readonly recall: Recall
  readonly decisions: Pick<DecisionHandler, 'handle'>
  readonly revocations: RevocationList
  readonly idempotency: IdempotencyStore
  readonly live: LiveView
  readonly links: Pick<LinkState, 'held' | 'open'>
  readonly metrics: Metrics
  readonly recent: RecentRecords
  readonly audit: AuditLog
  readonly keys: KeyAdmin
  readonly assets: AssetAdmin
  readonly lists: ListAdmin
  /** The OpenAPI document of a published API; undefined when there is none, or when it is off. */
  readonly apiDocument: (api: string) => object | undefined
  readonly health: () => { readonly ready: boolean; readonly reason?: string }
  readonly version: string
  readonly onInternalFailure: (error: Error, requestId: string) => void
}

/** The catalogue, and what its entries point to. */
export interface AssetAdmin {
  readonly catalogue: Catalogue
  /** Undefined when no published API is switched on: nothing is made then. */
  readonly renditions: RenditionDesk | undefined
  /** The origins in force, by name. */
  origin(name: string): Origin | undefined
}

/** The lists of the configuration in force. */
export interface ListAdmin {
  states(): readonly ListState[]
  /** All of a list: what its source gave and what was added here. */
  get(name: string): AddressSet | undefined
  /** What was added here. */
  readonly added: EntrySets
}

/** What may be shown of a key: never its bytes. */
export interface KeyInfo {
  readonly kid: string
  readonly alg: string
  readonly schemes: readonly string[]
  readonly notBefore: EpochSeconds | undefined
  readonly retireAt: EpochSeconds | undefined
  /** It verifies now. */
  readonly active: boolean
  /** Its private half is here. */
  readonly signs: boolean
}

/** What a new key is to be; algorithm and schemes are known to fit each other. */
export interface NewKey {
  readonly alg: string
  readonly schemes: readonly string[]
  readonly kid?: string
  readonly not_before?: EpochSeconds
}

/**
 * The keys in force. A change is on disk and in force when its call returns; one that the key files do
 * not allow throws `KeyFileError`.
 */
export interface KeyAdmin {
  list(): KeyInfo[]
  create(options: NewKey): Promise<KeyInfo>
  /** Undefined when there is no such key. */
  retire(kid: string, at: EpochSeconds): Promise<KeyInfo | undefined>
}
