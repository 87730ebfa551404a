/** A piece of work. It handles its own failures, and ends soon after the signal. */
export type Work = (signal: AbortSignal) => Promise<void>

/** Work by name, some at a time, first come first served. */
export class WorkQueue {
  readonly #concurrency: number
  readonly #waiting = new Map<string, Work>()
  readonly #running = new Map<
    string,
    { readonly controller: AbortController; readonly over: Promise<void> }
  >()
  #isStopped = false

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  /** Adds work unless some of the name waits. What runs has looked already, so it is done again behind that. */
  add(name: string, work: Work): void {
    if (this.#isStopped || this.#waiting.has(name)) return
    this.#waiting.set(name, work)
    this.#startNext()
  }

  has(name: string): boolean {
    return this.#waiting.has(name) || this.#running.has(name)
  }

  /** Ends the work of the name; resolves when nothing of it runs any longer. */
  async cancel(name: string): Promise<void> {
    this.#waiting.delete(name)
    const running = this.#running.get(name)
    running?.controller.abort()
    await running?.over
  }

  /** Ends everything and takes nothing more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    const names = [...this.#waiting.keys(), ...this.#running.keys()]
    await Promise.all(names.map((name) => this.cancel(name)))
  }

  #startNext(): void {
    if (this.#running.size >= this.#concurrency) return
    const next = [...this.#waiting].find(([waiting]) => !this.#running.has(waiting))
    if (!next) return
    const [name, work] = next
    const controller = new AbortController()
    this.#waiting.delete(name)
    const over = work(controller.signal).finally(() => {
      this.#running.delete(name)
      this.#startNext()
    })
    this.#running.set(name, { controller, over })
  }
}
