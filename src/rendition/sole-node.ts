import type { Coordination } from './coordination.ts'
import { KeyedLock } from './keyed-lock.ts'

/** A node without others: whatever it wants to work on is its own. */
export class SoleNode implements Coordination {
  readonly #locks = new KeyedLock()

  alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(key, work)
  }

  async claim(
    _name: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<boolean> {
    await work(signal)
    return true
  }

  /** What this process does not work on itself, nobody works on. */
  async isClaimed(): Promise<boolean> {
    return false
  }

  async end(): Promise<void> {
    // there is nobody else
  }
}
