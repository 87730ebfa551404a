import { secondsOf } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import { SqliteCatalogue } from '../catalogue/sqlite-catalogue.ts'
import { EntrySets } from '../lists/entry-set.ts'
import { SoleNode } from '../rendition/sole-node.ts'
import { openDatabase } from '../state/database.ts'
import { EmbeddedLinkState } from '../state/embedded-link-state.ts'
import { ListEntries } from '../state/list-entries.ts'
import { LocalLiveView } from '../state/live-view.ts'
import { RevocationList } from '../state/revocations.ts'
import { SqliteFirstCalls } from '../state/sqlite-first-calls.ts'
import { SqliteIdempotency } from '../state/sqlite-idempotency.ts'
import { SqliteRevocations } from '../state/sqlite-revocations.ts'
import { SqliteTaskStore } from '../task/sqlite-task-store.ts'
import { FollowedEntries, FollowedRevocations } from '../workers/followed-stores.ts'
import type { GatewayState, StateOptions } from './gateway-state.ts'
import { Repeats } from './repeats.ts'

const CHECKPOINT_MS = 1000
const PRUNE_MS = 600_000

/** The state on the disk and in the memory of one machine. */
export function openEmbeddedState({
  config,
  clock,
  live,
  node,
  log,
  follower,
}: StateOptions): GatewayState {
  const database = openDatabase(config.directory)
  const links = new EmbeddedLinkState(database, clock)
  const idempotency = new SqliteIdempotency(database)
  const firstCalls = new SqliteFirstCalls(database)
  const storedEntries = new ListEntries(database)
  const followedEntries = follower && new FollowedEntries(storedEntries, follower)
  const entries = new EntrySets(followedEntries ?? storedEntries, clock)
  const storedRevocations = new SqliteRevocations(database)
  const kept = follower ? new FollowedRevocations(storedRevocations, follower) : storedRevocations
  const revocations = new RevocationList(kept, (error) => {
    log('error', `a shared link could not be revoked: ${messageOf(error)}`)
  })
  const repeats = new Repeats((error) => {
    log('error', `the state cannot be written: ${messageOf(error)}`)
  })
  return {
    links,
    revocations,
    idempotency,
    firstCalls,
    entries,
    catalogue: new SqliteCatalogue(database),
    tasks: new SqliteTaskStore(database),
    coordination: new SoleNode(),
    followed: followedEntries && {
      revocations: () => revocations.list(),
      entries: () => followedEntries.all,
      revoke: (revocation) => kept.put(revocation),
    },
    view: new LocalLiveView(live, node),
    isUp: true,
    async keep() {
      repeats.each(CHECKPOINT_MS, () => {
        links.checkpoint()
      })
      repeats.each(PRUNE_MS, () => {
        const now = secondsOf(clock)
        for (const part of [links, idempotency, firstCalls, entries]) part.prune(now)
      })
    },
    async close() {
      repeats.stop()
      links.checkpoint()
      database.close()
    },
  }
}
