import type { Clock } from '../base/clock.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { StateConfig } from '../config/state-schema.ts'
import type { EntrySets } from '../lists/entry-set.ts'
import type { ListEntry } from '../lists/list-entry.ts'
import type { LiveDownloads } from '../record/live-downloads.ts'
import type { Coordination } from '../rendition/coordination.ts'
import type { FirstCalls } from '../state/first-calls.ts'
import type { IdempotencyStore } from '../state/idempotency.ts'
import type { LinkState } from '../state/link-state.ts'
import type { LiveView, NodeInfo } from '../state/live-view.ts'
import type { Revocation } from '../state/revocation-index.ts'
import type { RevocationList } from '../state/revocations.ts'
import type { TaskStore } from '../task/task-store.ts'
import type { StateFollower } from '../workers/followed-stores.ts'

/** All that outlives a request, wherever it is kept. */
export interface GatewayState {
  readonly links: LinkState
  readonly revocations: RevocationList
  readonly idempotency: IdempotencyStore
  readonly firstCalls: FirstCalls
  readonly entries: EntrySets
  readonly catalogue: Catalogue
  readonly tasks: TaskStore
  readonly coordination: Coordination
  /** What workers follow; undefined where each of them is a node of a shared state. */
  readonly followed?: FollowedState | undefined
  /** The downloads that run, here and on every node that shares the state. */
  readonly view: LiveView
  /** False while a shared state does not answer. */
  readonly isUp: boolean
  /** Writes and prunes on its own from now on; a node shows itself to the others. */
  keep(): Promise<void>
  /** Writes what was counted, and lets go of what this node held. */
  close(): Promise<void>
}

/** What workers are told of the state: all of it when they start, then each change. */
export interface FollowedState {
  revocations(): readonly Revocation[]
  entries(): readonly ListEntry[]
  /** Keeps what a worker withdrew. */
  revoke(revocation: Revocation): Promise<void>
}

export interface StateOptions {
  readonly config: StateConfig
  readonly clock: Clock
  readonly live: LiveDownloads
  readonly node: Omit<NodeInfo, 'downloads'>
  readonly log: (level: 'warn' | 'error', message: string) => void
  /** Workers that hear of each change. */
  readonly follower?: StateFollower | undefined
}
