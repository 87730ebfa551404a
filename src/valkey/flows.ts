import type { EpochSeconds } from '../base/clock.ts'
import type { Flow, NetworkSighting } from '../base/sightings.ts'

/** A use by a client that was known already. */
export interface KnownUse {
  readonly sighting: NetworkSighting
  readonly at: EpochSeconds
  readonly window: number
}

/** A use that was recorded and then refused. */
export interface Undone {
  readonly base: string
  readonly sighting: NetworkSighting
  readonly new: { readonly network: boolean; readonly device: boolean }
}

/** What the server has to hear of the uses of one key. */
export interface FlowNews {
  readonly seen: readonly KnownUse[]
  readonly flows: readonly Flow[]
  readonly gone: readonly string[]
  readonly undo: readonly Undone[]
}

interface Transfers {
  readonly open: Map<string, { readonly flow: Flow; count: number }>
  readonly seen: Map<string, KnownUse>
  readonly fresh: Set<string>
  readonly gone: Set<string>
  readonly undo: Undone[]
}

/** The transfers that run on this node by what they are counted by, and what is to be said of them. */
export class Flows {
  readonly #transfers = new Map<string, Transfers>()
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** A transfer begins; what is returned ends it, once. */
  enter(base: string, { network, country, isRelay }: Flow): () => void {
    const transfers = this.#of(base)
    const entry = transfers.open.get(network) ?? { flow: { network, country, isRelay }, count: 0 }
    if (entry.count++ === 0) {
      transfers.open.set(network, entry)
      transfers.fresh.add(network)
      transfers.gone.delete(network)
      this.#onChange()
    }
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      if (--entry.count > 0) return
      transfers.open.delete(network)
      transfers.fresh.delete(network)
      transfers.gone.add(network)
      this.#onChange()
    }
  }

  /** Many ranges of one download cost one write. */
  see(base: string, use: KnownUse): void {
    this.#of(base).seen.set(`${use.sighting.network}\n${use.sighting.device}`, use)
    this.#onChange()
  }

  undo(undone: Undone): void {
    this.#of(undone.base).undo.push(undone)
    this.#onChange()
  }

  /** What is new since the last time; with `all`, also what runs on. */
  takeNews(all: boolean): Map<string, FlowNews> {
    const news = new Map<string, FlowNews>()
    for (const [base, transfers] of this.#transfers) {
      const { open, seen, fresh, gone, undo } = transfers
      if (all || seen.size + fresh.size + gone.size + undo.length > 0) {
        const flows = [...open].filter(([network]) => all || fresh.has(network))
        news.set(base, {
          seen: [...seen.values()],
          flows: flows.map(([, { flow }]) => flow),
          gone: [...gone],
          undo: undo.splice(0),
        })
      }
      for (const one of [seen, fresh, gone]) one.clear()
      if (open.size === 0) this.#transfers.delete(base)
    }
    return news
  }

  #of(base: string): Transfers {
    let transfers = this.#transfers.get(base)
    if (!transfers) {
      transfers = { open: new Map(), seen: new Map(), fresh: new Set(), gone: new Set(), undo: [] }
      this.#transfers.set(base, transfers)
    }
    return transfers
  }
}
