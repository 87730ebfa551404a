import type { Address } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import type { Refusal } from '../base/refusal.ts'
import type { NetworkSighting, Sightings } from '../base/sightings.ts'
import type { LeaseLimit } from '../lease/lease.ts'
import type { SharedRate } from '../lease/rate.ts'
import type { BeginDownload, DownloadKey, KnownDownload, UseTerms } from './download-ledger.ts'

/** What a request needs to know, and to hold, before it is judged. What is not asked for is not looked up. */
export interface LinkQuestion {
  readonly download: DownloadKey
  readonly now: EpochSeconds
  /** The place that its connection takes; undefined for requests that send no bytes. */
  readonly place: PlaceTerms | undefined
  /** Set when the uses of the link are limited. */
  readonly uses: UseTerms | undefined
  /** Whether it matters where the link was used first. */
  readonly wantsFirstAddress: boolean
  /** Whether it matters what this client has of the object. */
  readonly wantsDownload: boolean
  /** Whose uses matter, and from when on. */
  readonly sightings: readonly { readonly key: string; readonly after: EpochSeconds }[]
}

export interface PlaceTerms {
  /** Connections that one download may have. */
  readonly maxConnections: number
  readonly limits: readonly LeaseLimit[]
}

/** Whether a connection has its place. */
export type Place =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'held' }
  | {
      readonly outcome: 'refused'
      readonly by: 'downloads' | 'connections'
      readonly limit: number
    }

/**
 * What is known of a link, and the place that a request holds. It is as fresh as the state can make it
 * without asking anybody else: `begin` brings it up to date before it counts.
 */
export interface LinkSession {
  readonly place: Place
  /** What this client has of the object. */
  readonly known: KnownDownload | undefined
  /** Uses of the link that are spent. */
  readonly spent: number
  /** Open downloads of others whose use is not spent yet. */
  readonly reserved: number
  readonly firstAddress: Address | undefined
  sightings(key: string): Sightings
  /** Gives the place back. May be called twice and counts once. */
  release(): void
}

/** A download that begins. */
export interface DownloadUse extends BeginDownload {
  /** The address that the link is pinned to, if no download came before. */
  readonly pin: Address | undefined
  /** From where it comes, and what it is counted by. */
  readonly sighting: NetworkSighting | undefined
  readonly counted: readonly { readonly key: string; readonly windowSeconds: number }[]
  /** Asked with what is known at the moment of counting: others may have begun since the first answer. */
  judge(session: LinkSession): UseVerdict
}

export type UseVerdict =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  /** `uncounted` takes no place among those who use the link. */
  | { readonly outcome: 'counted' | 'uncounted' }

/** A download with at least one open connection; its connections share it. */
export interface TrackedDownload {
  readonly text: string
  /** Share of the object's bytes that this download got, 0 to 1. */
  readonly coverage: number
  /** Counts bytes that are about to be sent. They wait for the promise: the use that they make is durable then. */
  count(start: number, end: number): Promise<void> | undefined
  /** One connection is gone. */
  leave(): void
}

export type Begun =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | { readonly outcome: 'begun'; readonly download: TrackedDownload }

/**
 * What is counted of links: places, uses, first addresses, who uses them. On one machine it answers at
 * once; shared by many it answers later, or fails with `ERR_STATE_UNAVAILABLE`.
 */
export interface LinkState {
  /** Looks up what the question asks and takes the place, in one step. */
  open(question: LinkQuestion): LinkSession | Promise<LinkSession>
  /** Judges once more and counts, so that of two who come at once for the last place one gets it. */
  begin(session: LinkSession, use: DownloadUse): Begun | Promise<Begun>
  /** Joins the flow of a key; all connections that hold it share its bytes a second. */
  joinRate(
    key: string,
    bytesPerSecond: number,
  ): { readonly rate: SharedRate; readonly leave: () => void }
  /** Connections held in all, by this process. */
  readonly held: number
}
