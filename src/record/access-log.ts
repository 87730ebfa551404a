import { closeSync, constants, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import pino from 'pino'
import type { AccessRecord, RecordSink } from './access-record.ts'

/** A sink that is flushed and closed at the end of the process. */
export interface AccessLog extends RecordSink {
  /** Opens the file anew, for log rotation. */
  reopen(): void
  close(): Promise<void>
}

/**
 * Access records as JSON lines on standard output or in a file, written in batches off the request.
 * Throws when the file cannot be opened.
 */
export function openAccessLog(target: string, onError: (error: Error) => void): AccessLog {
  if (target !== 'stdout') tryToOpen(target)
  const destination = pino.destination({
    dest: target === 'stdout' ? 1 : target,
    sync: false,
    mkdir: true,
    mode: 0o640,
    minLength: 4096,
    periodicFlush: 250,
  })
  // a full disk must not take the downloads down
  // pino makes end() of a destination without a reader do nothing, so 'close' would never come
  let isGone = false
  destination.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') isGone = true
    onError(error)
  })
  return {
    write: (record) => {
      // a pino logger walks the members one by one, which takes six times as long as this
      destination.write(`${JSON.stringify(record)}\n`)
    },
    reopen: () => {
      if (target !== 'stdout') destination.reopen()
    },
    close: () =>
      new Promise((resolve) => {
        destination.once('close', resolve)
        destination.once('error', resolve)
        if (isGone) resolve()
        else destination.end()
      }),
  }
}

/** A destination that cannot open its file cannot be closed either, and ends the process when it writes. */
function tryToOpen(file: string): void {
  mkdirSync(dirname(file), { recursive: true })
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants
  try {
    closeSync(openSync(file, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o640))
  } catch (error) {
    // a pipe whose reader is yet to come
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
  }
}

/** The last records, for the admin API. */
export class RecentRecords implements RecordSink {
  readonly #ring: AccessRecord[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  write(record: AccessRecord): void {
    this.#ring[this.#next] = record
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** Newest first. */
  *newestFirst(): Generator<AccessRecord> {
    for (let i = 1; i <= this.#ring.length; i++) {
      const at = (this.#next - i + this.#capacity) % this.#capacity
      const record = this.#ring[at]
      if (record) yield record
    }
  }
}
