import type { Clock } from '../base/clock.ts'
import type { GatewayError } from '../base/failure.ts'
import type { KernelCopier } from '../kernel-copy/kernel-copier.ts'
import type { HandOvers } from '../offload/hand-overs.ts'
import type { RecordSink } from '../record/access-record.ts'
import type { LiveDownloads } from '../record/live-downloads.ts'
import type { LinkState } from '../state/link-state.ts'
import type { RevocationList } from '../state/revocations.ts'

/** What requests of all configurations share: it survives a reload. */
export interface Services {
  readonly clock: Clock
  readonly links: LinkState
  readonly revocations: RevocationList
  readonly live: LiveDownloads
  readonly records: RecordSink
  /** Deliveries that a proxy carries out; undefined where none can report. */
  readonly handOvers?: HandOvers | undefined
  /** Undefined where all bytes pass through this process. */
  readonly copier?: KernelCopier | undefined
  /** Hears of failures that are nobody's but ours. */
  readonly onInternalFailure: (error: GatewayError, requestId: string) => void
}
