import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EpochSeconds } from '../base/clock.ts'

/** When signed calls that may count only once came first: a repeat is known for what it is. */
export class FirstCalls {
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

  /**
   * When the call came first, which may be now. From `expires` on it is refused whatever came before, so
   * nobody needs to know; a call that says no end is kept without end.
   */
  at(call: string, now: EpochSeconds, expires: EpochSeconds | undefined): EpochSeconds {
    this.#keep.run(call, now, expires ?? null)
    return Number(this.#find.get(call)?.['at'] ?? now)
  }

  prune(now: EpochSeconds): void {
    this.#prune.run(now)
  }
}
