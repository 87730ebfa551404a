import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'

/** How long an answer is kept for its key. */
const KEEP_SECONDS = 86_400

export interface KeptAnswer {
  readonly status: number
  readonly body: string
}

/** Answers to requests with an Idempotency-Key, so that a repeat gets the same links. */
export class IdempotencyStore {
  readonly #find: StatementSync
  readonly #keep: StatementSync
  readonly #prune: StatementSync

  constructor(database: DatabaseSync) {
    this.#find = database.prepare(
      'SELECT request, status, body FROM idempotency WHERE key = ? AND created > ?',
    )
    this.#keep = database.prepare(
      'INSERT OR REPLACE INTO idempotency (key, request, status, body, created) VALUES (?, ?, ?, ?, ?)',
    )
    this.#prune = database.prepare('DELETE FROM idempotency WHERE created <= ?')
  }

  /** The kept answer; `mismatch` when the key came with another request. */
  find(key: string, request: string, now: EpochSeconds): KeptAnswer | 'mismatch' | undefined {
    const row = this.#find.get(key, now - KEEP_SECONDS)
    if (!row) return undefined
    if (row['request'] !== request) return 'mismatch'
    return { status: Number(row['status']), body: String(row['body']) }
  }

  keep(key: string, request: string, answer: KeptAnswer, now: EpochSeconds): void {
    this.#keep.run(key, request, answer.status, answer.body, now)
  }

  prune(now: EpochSeconds): void {
    this.#prune.run(now - KEEP_SECONDS)
  }
}
