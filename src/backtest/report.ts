import type { LoggedRequest } from './logged-request.ts'
import type { Judgement } from './replay.ts'

/** What became of a request that was not simply let in. */
export type Fate = 'refused' | 'let_in' | 'observed' | 'slowed' | 'stands'

/** One reason of one fate. */
export interface ReasonRow {
  readonly reason: string
  readonly requests: number
  /** Of the requests: those that had another fate then. */
  readonly new: number
  readonly links: number
  readonly clients: number
  readonly subjects: number
  /** Bytes that these requests got then. */
  readonly bytes: number
  /** The links with the most requests. */
  readonly top: readonly LinkRow[]
}

export interface LinkRow {
  readonly kid: string
  readonly link_id: string
  readonly requests: number
  /** Of its first request. */
  readonly evidence: string
}

export type FateRows = Readonly<Record<Fate, readonly ReasonRow[]>>

/** Adds judgements up. Its memory grows with the links and clients that are named, not with requests. */
export class Report {
  readonly #fates: Record<Fate, Map<string, Tally>> = {
    refused: new Map(),
    let_in: new Map(),
    observed: new Map(),
    slowed: new Map(),
    stands: new Map(),
  }
  judged = 0
  #from = Infinity
  #to = -Infinity

  add(request: LoggedRequest, { outcome, refusal, observed, slowed }: Judgement): void {
    this.judged++
    this.#from = Math.min(this.#from, request.start)
    this.#to = Math.max(this.#to, request.start)
    const then = request.refusal
    if (refusal) {
      const fate = outcome === 'stands' ? 'stands' : 'refused'
      this.#count(fate, refusal, request, then === undefined)
      return
    }
    if (then) this.#count('let_in', then, request, true)
    if (observed) this.#count('observed', observed, request, request.observed === undefined)
    if (slowed) this.#count('slowed', slowed, request, request.observed === undefined)
  }

  /** When the first and the last of the judged requests began, in ISO 8601; null when there is none. */
  get period(): { readonly from: string; readonly to: string } | null {
    if (this.judged === 0) return null
    return { from: new Date(this.#from).toISOString(), to: new Date(this.#to).toISOString() }
  }

  /** The most frequent reasons first, each with at most `limit` links. */
  rows(limit: number): FateRows {
    const rowsOf = (fate: Fate): ReasonRow[] =>
      [...this.#fates[fate]]
        .map(([reason, tally]) => tally.row(reason, limit))
        .toSorted((x, y) => y.requests - x.requests || (x.reason < y.reason ? -1 : 1))
    return {
      refused: rowsOf('refused'),
      let_in: rowsOf('let_in'),
      observed: rowsOf('observed'),
      slowed: rowsOf('slowed'),
      stands: rowsOf('stands'),
    }
  }

  #count(fate: Fate, why: Why, request: LoggedRequest, isNew: boolean): void {
    const tallies = this.#fates[fate]
    let tally = tallies.get(why.reason)
    if (!tally) tallies.set(why.reason, (tally = new Tally()))
    tally.add(request, why.detail, isNew)
  }
}

interface Why {
  readonly reason: string
  readonly detail: string
}

class Tally {
  #requests = 0
  #new = 0
  #bytes = 0
  readonly #links = new Map<string, { -readonly [K in keyof LinkRow]: LinkRow[K] }>()
  readonly #clients = new Set<string>()
  readonly #subjects = new Set<string>()

  add({ link, client, bytes }: LoggedRequest, evidence: string, isNew: boolean): void {
    const { kid, id, subject } = link
    this.#requests++
    if (isNew) this.#new++
    this.#bytes += bytes
    this.#clients.add(client.text)
    if (subject !== undefined) this.#subjects.add(subject)
    const key = `${kid}\n${id}`
    const known = this.#links.get(key)
    if (known) known.requests++
    else this.#links.set(key, { kid, link_id: id, requests: 1, evidence })
  }

  row(reason: string, limit: number): ReasonRow {
    return {
      reason,
      requests: this.#requests,
      new: this.#new,
      links: this.#links.size,
      clients: this.#clients.size,
      subjects: this.#subjects.size,
      bytes: this.#bytes,
      top: [...this.#links.values()].toSorted((x, y) => y.requests - x.requests).slice(0, limit),
    }
  }
}
