import { openAccessLog } from '../record/access-log.ts'
import type { RecordSink } from '../record/access-record.ts'
import { Metrics, type MetricSources } from '../record/metrics.ts'
import { RecentRecords } from '../record/recent-records.ts'

const RECENT_RECORDS = 10_000

/** Where each access record goes: to the log, to the newest ones in memory, into the figures. */
export interface OpenRecords {
  readonly sink: RecordSink
  readonly recent: RecentRecords
  readonly metrics: Metrics
  /** Opens the log anew, for log rotation. */
  reopen(): void
  close(): Promise<void>
}

export function openRecords(
  target: string,
  figures: MetricSources,
  warn: (message: string) => void,
): OpenRecords {
  const log = openAccessLog(target, (error) => {
    warn(`access records cannot be written: ${error.message}`)
  })
  const recent = new RecentRecords(RECENT_RECORDS)
  const metrics = new Metrics(figures)
  return {
    recent,
    metrics,
    sink: {
      write(record) {
        const line = JSON.stringify(record)
        log.write(line)
        recent.write(line)
        metrics.write(record)
      },
    },
    reopen: () => {
      log.reopen()
    },
    close: () => log.close(),
  }
}
