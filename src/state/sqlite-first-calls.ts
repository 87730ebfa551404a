import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'
import type { FirstCalls } from './first-calls.ts'

/** The first calls of one machine, on its disk. */
export class SqliteFirstCalls implements FirstCalls {
  readonly #keep: StatementSync
  readonly #find: StatementSync
  readonly #prune: StatementSync

  constructor(database: DatabaseSync) {
    this.#keep = database.prepare(
      'INSERT OR IGNORE INTO first_call (call, at, expires) VALUES (?, ?, ?)',
    )
    this.#find = database.prepare('SELECT at FROM first_call WHERE call = ?')
    this.#prune = database.prepare('DELETE FROM first_call WHERE expires <= ?')
  }

  async at(
    call: string,
    now: EpochSeconds,
    expires: EpochSeconds | undefined,
  ): Promise<EpochSeconds> {
    this.#keep.run(call, now, expires ?? null)
    return Number(this.#find.get(call)?.['at'] ?? now)
  }

  prune(now: EpochSeconds): void {
    this.#prune.run(now)
  }
}
