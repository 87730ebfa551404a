import { join } from 'node:path'
import type { AddressSet } from '../base/network-set.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import { SqliteCatalogue } from '../catalogue/sqlite-catalogue.ts'
import type { StateConfig } from '../config/state-schema.ts'
import type { LiveDownloads } from '../record/live-downloads.ts'
import { openDatabaseToRead } from '../state/database.ts'
import type { LinkState } from '../state/link-state.ts'
import { RevocationList } from '../state/revocations.ts'
import type { FollowCalls, PrimaryCalls, WorkerCalls, WorkerStart } from '../workers/calls.ts'
import type { Channel } from '../workers/channel.ts'
import { WorkerLinkState } from '../workers/link-state.ts'
import { WorkerEntries, WorkerRevocations } from '../workers/worker-stores.ts'
import { Repeats } from './repeats.ts'
import { openSharedState } from './shared-state.ts'
import { thisNode } from './this-node.ts'

const PRUNE_MS = 600_000

export interface WorkerStateOptions {
  readonly start: WorkerStart
  readonly config: StateConfig
  readonly channel: Channel<WorkerCalls, PrimaryCalls>
  readonly clock: Clock
  readonly live: LiveDownloads
  readonly log: (level: 'warn' | 'error', message: string) => void
}

/** The state as a worker asks it. */
export interface WorkerState {
  readonly links: LinkState
  readonly revocations: RevocationList
  readonly entries: { of(list: string): AddressSet }
  readonly catalogue: Catalogue
  /** Connections that hold a place of which the primary does not know. */
  readonly heldHere: number
  /** What the primary tells of the state. */
  readonly calls: Pick<FollowCalls, 'revoked' | 'unrevoked' | 'listed' | 'unlisted' | 'share'>
  /** Names the download that a connection left just now, where the primary sums up its coverage. */
  takeLastLeft(): string | undefined
  /** Tells the primary what must outlive this process. */
  report(): void
  keep(): Promise<void>
  close(): Promise<void>
}

/** With the embedded driver the primary counts; with a shared state each worker is a node of its own. */
export async function openWorkerState(options: WorkerStateOptions): Promise<WorkerState> {
  switch (options.config.driver) {
    case 'embedded':
      return openStateOfPrimary(options)
    case 'valkey':
      return openStateOfNode(options)
    default:
      return options.config.driver satisfies never
  }
}

function openStateOfPrimary({
  start,
  config,
  channel,
  clock,
  log,
}: WorkerStateOptions): WorkerState {
  const links = new WorkerLinkState(channel, clock, start.workers)
  const stored = new WorkerRevocations(channel, start.revocations)
  const entries = new WorkerEntries(clock, start.entries)
  const database = openDatabaseToRead(config.directory)
  const repeats = new Repeats((error) => {
    log('error', messageOf(error))
  })
  return {
    links,
    revocations: new RevocationList(stored, (error) => {
      log('error', `a shared link could not be revoked: ${messageOf(error)}`)
    }),
    entries,
    catalogue: new SqliteCatalogue(database),
    get heldHere() {
      return links.heldHere
    },
    calls: {
      revoked: (revocation) => {
        stored.revoked(revocation)
      },
      unrevoked: (id) => {
        stored.unrevoked(id)
      },
      listed: (entry) => {
        entries.listed(entry)
      },
      unlisted: (entry) => {
        entries.unlisted(entry)
      },
      share: (share) => {
        links.flows.take(share)
      },
    },
    takeLastLeft: () => links.takeLastLeft(),
    report: () => {
      links.report()
    },
    async keep() {
      repeats.each(PRUNE_MS, () => {
        entries.prune()
      })
    },
    async close() {
      repeats.stop()
      database.close()
    },
  }
}

async function openStateOfNode(options: WorkerStateOptions): Promise<WorkerState> {
  const { start, config, clock, live, log } = options
  // what a node keeps for an outage is its own
  const directory = join(config.directory, `worker-${start.slot}`)
  const node = thisNode(clock.now())
  const state = await openSharedState({ config: { ...config, directory }, clock, live, node, log })
  const { links, revocations, entries, catalogue } = state
  return {
    links,
    revocations,
    entries,
    catalogue,
    get heldHere() {
      return links.held
    },
    calls: {
      revoked: nothing,
      unrevoked: nothing,
      listed: nothing,
      unlisted: nothing,
      share: nothing,
    },
    takeLastLeft: () => undefined,
    report: nothing,
    keep: () => state.keep(),
    close: () => state.close(),
  }
}

/** The shared state tells it. */
function nothing(): void {
  // and the primary has nothing to add
}
