/** Work that is done one piece after another, in the order in which it came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    // who asked hears of a failure; the next piece begins all the same
    this.#last = done.catch(() => undefined)
    return done
  }
}
