import type { HeldLease } from './state-server.ts'

export interface Figures {
  starts: number
  refusedFull: number
  refusedUnavailable: number
  /** Downloads that were ended because their place was lost. */
  cut: number
  /** Times that a link had more downloads than it may. */
  over: number
  longestOverMs: number
  /** Longest time that a place stood taken after its holder was gone, as a refused request met it. */
  longestToFreeMs: number
}

/** Sees the whole cluster at once, as nobody in it can, and compares what runs with what may run. */
export class Observer {
  readonly figures: Figures = {
    starts: 0,
    refusedFull: 0,
    refusedUnavailable: 0,
    cut: 0,
    over: 0,
    longestOverMs: 0,
    longestToFreeMs: 0,
  }
  readonly #limitOf: (link: number) => number
  readonly #running = new Map<number, number>()
  readonly #overSince = new Map<number, number>()
  readonly #goneAt = new Map<number, number>()

  constructor(limitOf: (link: number) => number) {
    this.#limitOf = limitOf
  }

  /** A download sends bytes, from its start or again after its node was paused. */
  runs(link: number, now: number): void {
    const running = (this.#running.get(link) ?? 0) + 1
    this.#running.set(link, running)
    if (running <= this.#limitOf(link) || this.#overSince.has(link)) return
    this.#overSince.set(link, now)
    this.figures.over++
  }

  /** A download sends nothing more, for good or while its node is paused. */
  rests(link: number, now: number): void {
    const running = (this.#running.get(link) ?? 0) - 1
    this.#running.set(link, running)
    const since = this.#overSince.get(link)
    if (since === undefined || running > this.#limitOf(link)) return
    this.#overSince.delete(link)
    this.figures.longestOverMs = Math.max(this.figures.longestOverMs, now - since)
  }

  /** Nobody needs the place of a member any more. */
  gone({ member }: HeldLease, now: number): void {
    this.#goneAt.set(member, now)
  }

  /** A request was refused because of these. */
  full(holders: Iterable<number>, now: number): void {
    for (const member of holders) {
      const goneAt = this.#goneAt.get(member)
      if (goneAt === undefined) continue
      this.figures.longestToFreeMs = Math.max(this.figures.longestToFreeMs, now - goneAt)
    }
  }

  /** What is over the limit at the end counts too. */
  end(now: number): Figures {
    for (const since of this.#overSince.values()) {
      this.figures.longestOverMs = Math.max(this.figures.longestOverMs, now - since)
    }
    return this.figures
  }
}
