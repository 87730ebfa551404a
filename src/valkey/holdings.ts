import { digest } from './tags.ts'

/** What this node holds of one download under one tag. */
export interface Holding {
  readonly base: string
  readonly download: string
  readonly text: string
  /** Open connections by what they count under. */
  readonly counts: Map<string, number>
  readonly limits: Map<string, number>
  /** Given back here, not yet on the server. */
  readonly owed: Map<string, number>
  /** When the server was asked that said last that the places are ours. */
  confirmedAt: number
  /** Admissions without an answer yet. */
  pending: number
  /** An answer did not come: the server may count more, until a heartbeat says how many there are. */
  doubtfulUntil: number
  /** Taken while the server was away: it is written there even if that makes too many. */
  isForced: boolean
  /** Another has the place: nothing is given back. */
  isLost: boolean
}

/** One connection that counts under a limit. */
export interface Held {
  readonly holding: Holding
  readonly counted: string
}

/** The places that this node holds, so that they can be renewed, given back and written back. */
export class Holdings {
  readonly #byTag = new Map<string, Map<string, Holding>>()
  readonly #owing = new Map<string, Set<Holding>>()

  /** By tag, for heartbeats. */
  get tags(): ReadonlyMap<string, ReadonlyMap<string, Holding>> {
    return this.#byTag
  }

  of(base: string, text: string): Holding {
    let holdings = this.#byTag.get(base)
    if (!holdings) this.#byTag.set(base, (holdings = new Map()))
    let holding = holdings.get(text)
    if (!holding) {
      holding = {
        base,
        download: digest(text),
        text,
        counts: new Map(),
        limits: new Map(),
        owed: new Map(),
        confirmedAt: -Infinity,
        pending: 0,
        doubtfulUntil: 0,
        isForced: false,
        isLost: false,
      }
      holdings.set(text, holding)
    }
    return holding
  }

  take(holding: Holding, counted: string, max: number): Held {
    add(holding.counts, counted, 1)
    holding.limits.set(counted, max)
    return { holding, counted }
  }

  /** One connection is gone; the server hears of it with the next batch. */
  give({ holding, counted }: Held): void {
    if (holding.isLost || !holding.counts.has(counted)) return
    add(holding.counts, counted, -1)
    add(holding.owed, counted, 1)
    let owing = this.#owing.get(holding.base)
    if (!owing) this.#owing.set(holding.base, (owing = new Set()))
    owing.add(holding)
  }

  /** What has to be given back, of one tag or of all; it is owed no longer. */
  takeOwed(base?: string): Map<string, readonly Owed[]> {
    const taken = new Map<string, readonly Owed[]>()
    for (const one of base === undefined ? this.#owing.keys() : [base]) {
      const owing = this.#owing.get(one)
      if (!owing) continue
      this.#owing.delete(one)
      taken.set(
        one,
        [...owing].map((holding) => {
          const counts = new Map(holding.owed)
          holding.owed.clear()
          return { holding, counts }
        }),
      )
    }
    return taken
  }

  /** Forgets a holding that holds nothing, where the server knows that too. */
  tidy(holding: Holding, now: number): void {
    const isEmpty = holding.counts.size === 0 && holding.pending === 0 && holding.owed.size === 0
    if (isEmpty && holding.doubtfulUntil <= now) this.remove(holding)
  }

  remove(holding: Holding): void {
    const holdings = this.#byTag.get(holding.base)
    if (holdings?.get(holding.text) !== holding) return
    holdings.delete(holding.text)
    if (holdings.size === 0) this.#byTag.delete(holding.base)
  }
}

/** Connections of a holding that are given back together. */
export interface Owed {
  readonly holding: Holding
  readonly counts: ReadonlyMap<string, number>
}

function add(counts: Map<string, number>, counted: string, difference: number): void {
  const count = (counts.get(counted) ?? 0) + difference
  if (count > 0) counts.set(counted, count)
  else counts.delete(counted)
}
