import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'
import { type IdempotencyStore, KEEP_ANSWER_SECONDS, type KeptAnswer } from './idempotency.ts'

/** The kept answers of one machine, on its disk. */
export class SqliteIdempotency implements IdempotencyStore {
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

  async find(
    key: string,
    request: string,
    now: EpochSeconds,
  ): Promise<KeptAnswer | 'mismatch' | undefined> {
    return this.#kept(key, request, now)
  }

  /** Nothing is awaited between the look and the keeping. */
  async keep(
    key: string,
    request: string,
    answer: KeptAnswer,
    now: EpochSeconds,
  ): Promise<KeptAnswer | 'mismatch'> {
    const first = this.#kept(key, request, now)
    if (first) return first
    this.#keep.run(key, request, answer.status, answer.body, now)
    return answer
  }

  prune(now: EpochSeconds): void {
    this.#prune.run(now - KEEP_ANSWER_SECONDS)
  }

  #kept(key: string, request: string, now: EpochSeconds): KeptAnswer | 'mismatch' | undefined {
    const row = this.#find.get(key, now - KEEP_ANSWER_SECONDS)
    if (!row) return undefined
    if (row['request'] !== request) return 'mismatch'
    return { status: Number(row['status']), body: String(row['body']) }
  }
}
