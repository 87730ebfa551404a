import { type Clock, secondsOf } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import { SqliteCatalogue } from '../catalogue/sqlite-catalogue.ts'
import { StoredHistory } from '../http/history.ts'
import { EmbeddedLeaseStore } from '../lease/embedded-lease-store.ts'
import { RateRegistry } from '../lease/rate.ts'
import { EntrySets } from '../lists/entry-set.ts'
import { openDatabase } from '../state/database.ts'
import { DownloadLedger } from '../state/download-ledger.ts'
import { FirstCalls } from '../state/first-calls.ts'
import { IdempotencyStore } from '../state/idempotency.ts'
import { ListEntries } from '../state/list-entries.ts'
import { RevocationList } from '../state/revocations.ts'
import { SharingLedger } from '../state/sharing-ledger.ts'

const CHECKPOINT_MS = 1000
const PRUNE_MS = 600_000

/**
 * All that outlives a request, on the disk and in the memory of one machine. From `keep()` to `rest()`
 * it is written and pruned on its own.
 */
export function openEmbeddedState(
  directory: string,
  clock: Clock,
  log: (level: 'error', message: string) => void,
) {
  const database = openDatabase(directory)
  const ledger = new DownloadLedger(database)
  const revocations = new RevocationList(database)
  const sharing = new SharingLedger(database)
  const idempotency = new IdempotencyStore(database)
  const firstCalls = new FirstCalls(database)
  const entries = new EntrySets(new ListEntries(database), clock)
  const timers: NodeJS.Timeout[] = []
  const repeat = (milliseconds: number, work: () => void): void => {
    const timer = setInterval(() => {
      try {
        work()
      } catch (error) {
        log('error', `the state cannot be written: ${messageOf(error)}`)
      }
    }, milliseconds)
    timers.push(timer)
  }
  return {
    database,
    ledger,
    revocations,
    sharing,
    idempotency,
    firstCalls,
    entries,
    catalogue: new SqliteCatalogue(database),
    history: new StoredHistory(revocations, ledger, sharing),
    leases: new EmbeddedLeaseStore(),
    rates: new RateRegistry(clock),
    keep(): void {
      repeat(CHECKPOINT_MS, () => {
        ledger.checkpoint()
      })
      repeat(PRUNE_MS, () => {
        const now = secondsOf(clock)
        for (const part of [ledger, sharing, idempotency, firstCalls, entries]) part.prune(now)
      })
    },
    rest(): void {
      for (const timer of timers.splice(0)) clearInterval(timer)
      ledger.checkpoint()
    },
    close(): void {
      database.close()
    },
  }
}
