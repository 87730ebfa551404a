import type { NetworkSighting } from '../base/sightings.ts'
import type { ListEntry } from '../lists/list-entry.ts'
import type { DeliveryReport } from '../offload/delivery-report.ts'
import type { AccessRecord } from '../record/access-record.ts'
import type { BeginDownload } from '../state/download-ledger.ts'
import type { LinkQuestion, Place } from '../state/link-state.ts'
import type { RunningDownload } from '../state/live-view.ts'
import type { Revocation } from '../state/revocation-index.ts'
import type { Channel } from './channel.ts'
import type { LinkSnapshot } from './link-snapshot.ts'

/** A download that begins, without what cannot travel. */
export interface PlainUse extends BeginDownload {
  /** The text of the address. */
  readonly pin: string | undefined
  readonly sighting: NetworkSighting | undefined
  readonly counted: readonly { readonly key: string; readonly windowSeconds: number }[]
}

/** How far a worker may count a download before it has to ask again. */
export interface Allowance {
  /** Bytes; Infinity when its use is spent, or when no uses are counted. */
  readonly free: number
  readonly used: boolean
}

export type BeginAnswer =
  /** Others changed what the verdict was made of: judge again. */
  | { readonly outcome: 'changed'; readonly snapshot: LinkSnapshot }
  | {
      readonly outcome: 'begun'
      readonly edges: readonly number[]
      readonly allowance: Allowance
    }

/** A finished record, and the download whose connection it was: its coverage is summed up by the primary. */
export interface WorkerRecord {
  readonly record: AccessRecord
  readonly download: string | undefined
}

/** What a worker says of itself again and again. */
export interface WorkerFigures {
  readonly openDownloads: number
  /** Connections that hold a place of which the primary does not know. */
  readonly heldHere: number
  /** Epoch milliseconds at which its certificate expires; undefined without TLS. */
  readonly certificateEnd: number | undefined
}

/** What the primary counts for its workers. Ids are the worker's own. */
export interface StateCalls {
  open(argument: { readonly session: number; readonly question: LinkQuestion }): {
    readonly place: Place
    readonly snapshot: LinkSnapshot
  }
  release(argument: { readonly session: number }): void
  begin(argument: {
    readonly session: number
    readonly download: number
    readonly use: PlainUse
    readonly verdict: 'counted' | 'uncounted'
    /** What the verdict was made of. */
    readonly snapshot: LinkSnapshot
  }): BeginAnswer
  /** A download of a link without limits, which the worker began alone. */
  track(argument: { readonly download: number; readonly use: PlainUse }): void
  count(argument: { readonly download: number; readonly edges: readonly number[] }): Allowance
  leave(argument: { readonly download: number; readonly edges: readonly number[] }): void
  /** How many connections of the worker share a rate; none any more at 0. */
  holdRate(argument: {
    readonly key: string
    readonly bytesPerSecond: number
    readonly holders: number
  }): void
  revoke(revocation: Revocation): Promise<void>
}

/** How a worker reaches who counts for it. */
export type PrimaryChannel = Pick<Channel<WorkerCalls, StateCalls>, 'ask' | 'tell'>

/** What a worker asks of the primary, or tells it. */
export interface PrimaryCalls extends StateCalls {
  records(records: readonly WorkerRecord[]): void
  figures(figures: WorkerFigures): void
  log(argument: { readonly level: 'info' | 'warn' | 'error'; readonly message: string }): void
}

/** A running download with what it is known by in all processes. */
export type KeyedDownload = RunningDownload & { readonly key: string }

type Answer<T> = T | Promise<T>

/** What of the state a worker follows. */
export interface FollowCalls {
  revoked(revocation: Revocation): void
  unrevoked(id: string): void
  listed(entry: ListEntry): void
  unlisted(entry: { readonly list: string; readonly cidr: string }): void
  /** What a worker may send of a shared rate from now on. */
  share(argument: { readonly key: string; readonly share: number }): void
  downloads(argument: undefined): Answer<readonly KeyedDownload[]>
  /** Gives how many it ended. */
  endDownload(argument: { readonly key: string; readonly detail: string }): Answer<number>
  /** Gives the keys of those it ended. */
  endRevoked(revocation: Revocation): Answer<readonly string[]>
}

/** What a worker is started with. */
export interface WorkerStart {
  readonly sources: {
    readonly file: string
    readonly env: Readonly<Record<string, string | undefined>>
    readonly set: readonly string[]
  }
  /** Of the configuration in force. */
  readonly digest: string
  /** From 1 on; a replacement has that of the worker before it. */
  readonly slot: number
  readonly workers: number
  readonly node: { readonly id: string; readonly host: string; readonly startedAt: number }
  readonly revocations: readonly Revocation[]
  readonly entries: readonly ListEntry[]
  /** Where calls of the published APIs are handed over. */
  readonly reception: string
}

/** What the primary asks of a worker, or tells it. */
export interface WorkerCalls extends FollowCalls {
  /** Serves from then on; gives the public URL. */
  start(start: WorkerStart): Promise<string>
  /** Loads the files again beside what serves; gives the digest. Fails with what is wrong. */
  prepare(argument: { readonly again: boolean }): Promise<string>
  /** Takes what was loaded; fails when this digest is not in force then. */
  use(argument: { readonly digest: string }): void
  discard(argument: undefined): void
  /** Fresh content of a published list lies on the disk. */
  listChanged(name: string): void
  /** How a delivery by another program ended. */
  reported(report: DeliveryReport): void
  /** Lets downloads end, at most for so long. */
  drain(argument: { readonly seconds: number }): Promise<void>
}
