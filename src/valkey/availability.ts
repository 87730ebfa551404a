/** How often a state that answers is asked whether it still is the one that it was. */
const WATCH_MS = 1000
/** How often one that does not answer is tried. */
const RETRY_MS = 250
/** Probes without an answer until the connection itself is held to be dead. */
const STUCK_AFTER = 4

export interface Probe {
  /** Resolves when the state can count. */
  run(): Promise<void>
  /** The connection stands, and nothing comes back through it. */
  onStuck(): void
}

/**
 * Whether the state can be used. After a failure nobody waits for it: it is unusable until a probe
 * passed. A new connection is unusable until then as well.
 */
export class Availability {
  readonly #probe: Probe
  readonly #up = new Set<() => void>()
  readonly #down = new Set<() => void>()
  #isUp = false
  #isClosed = false
  #misses = 0
  #connection = 0
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(probe: Probe) {
    this.#probe = probe
  }

  get isUp(): boolean {
    return this.#isUp
  }

  onUp(callback: () => void): () => void {
    this.#up.add(callback)
    return () => this.#up.delete(callback)
  }

  onDown(callback: () => void): () => void {
    this.#down.add(callback)
    return () => this.#down.delete(callback)
  }

  /** There is a new connection. */
  renew(): void {
    this.#connection += 1
    this.#misses = 0
    this.#running = undefined
    this.fail()
    void this.check()
  }

  /** A call failed, or the connection is gone. */
  fail(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#schedule(RETRY_MS)
    for (const callback of this.#down) callback()
  }

  /** Probes now, once for all who ask meanwhile. Never rejects: `isUp` says how it went. */
  check(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    this.#running ??= this.#run(this.#connection)
    return this.#running
  }

  close(): void {
    this.#isClosed = true
    this.#isUp = false
    clearTimeout(this.#timer)
  }

  async #run(connection: number): Promise<void> {
    clearTimeout(this.#timer)
    let isUsable = true
    try {
      await this.#probe.run()
    } catch {
      isUsable = false
    }
    if (connection !== this.#connection || this.#isClosed) return
    this.#running = undefined
    if (isUsable) this.#pass()
    else this.#miss()
    this.#schedule(this.#isUp ? WATCH_MS : RETRY_MS)
  }

  #pass(): void {
    this.#misses = 0
    if (this.#isUp) return
    this.#isUp = true
    for (const callback of this.#up) callback()
  }

  #miss(): void {
    this.fail()
    this.#misses += 1
    if (this.#misses % STUCK_AFTER === 0) this.#probe.onStuck()
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      void this.check()
    }, ms)
  }
}
