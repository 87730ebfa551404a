import type { Flow } from '../base/sightings.ts'

/** The transfers that run now, by what they are counted by. Bounded by the open connections. */
export class OpenFlows {
  readonly #flows = new Map<string, Map<symbol, Flow>>()

  of(key: string): Flow[] {
    return [...(this.#flows.get(key)?.values() ?? [])]
  }

  /** A transfer begins; what is returned ends it. */
  enter(key: string, flow: Flow): () => void {
    let flows = this.#flows.get(key)
    if (!flows) this.#flows.set(key, (flows = new Map()))
    const entered = flows
    const id = Symbol('flow')
    entered.set(id, flow)
    return () => {
      entered.delete(id)
      if (entered.size === 0 && this.#flows.get(key) === entered) this.#flows.delete(key)
    }
  }
}
