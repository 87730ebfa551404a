/** Runs work of the same key one after the other, in the order of the calls. */
export class KeyedLock {
  readonly #last = new Map<string, Promise<void>>()

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const turn = Promise.withResolvers<void>()
    this.#last.set(key, turn.promise)
    await before
    try {
      return await work()
    } finally {
      if (this.#last.get(key) === turn.promise) this.#last.delete(key)
      turn.resolve()
    }
  }
}
