import type { AccessRecord, RecordSink } from '../record/access-record.ts'
import type { WorkerRecord } from './calls.ts'

/** How long a record waits for others. */
const WAIT_MS = 20
const MOST = 256

/** Brings finished records to the primary, many at a time. */
export class RecordBatches implements RecordSink {
  readonly #send: (records: readonly WorkerRecord[]) => void
  readonly #lastLeft: () => string | undefined
  #waiting: WorkerRecord[] = []
  #timer: NodeJS.Timeout | undefined

  /** `lastLeft` names the download that a connection left just before its record. */
  constructor(
    send: (records: readonly WorkerRecord[]) => void,
    lastLeft: () => string | undefined,
  ) {
    this.#send = send
    this.#lastLeft = lastLeft
  }

  write(record: AccessRecord): void {
    this.#waiting.push({ record, download: this.#lastLeft() })
    if (this.#waiting.length >= MOST) this.flush()
    else this.#timer ??= setTimeout(this.flush, WAIT_MS)
  }

  readonly flush = (): void => {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.length > 0) this.#send(this.#waiting.splice(0))
  }
}
