/** Work that is done again and again until it is stopped; a failure is told and ends nothing. */
export class Repeats {
  readonly #timers: NodeJS.Timeout[] = []
  readonly #onFailure: (error: unknown) => void

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  each(milliseconds: number, work: () => void): void {
    const timer = setInterval(() => {
      try {
        work()
      } catch (error) {
        this.#onFailure(error)
      }
    }, milliseconds)
    this.#timers.push(timer)
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
  }
}
