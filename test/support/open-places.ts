/** One place under a key of which there are `max`; connections with the same holder share it. */
export interface CountedPlace {
  readonly key: string
  readonly max: number
  readonly holder: string
}

/** Who has open places, as clients see it. What was too many is written down. */
export class OpenPlaces {
  readonly over: string[] = []
  readonly #byKey = new Map<string, Map<string, number>>()

  take(places: readonly CountedPlace[]): void {
    for (const { key, max, holder } of places) {
      const holders = this.#byKey.get(key) ?? new Map<string, number>()
      this.#byKey.set(key, holders.set(holder, (holders.get(holder) ?? 0) + 1))
      if (holders.size > max) this.over.push(`${key}: ${[...holders.keys()].join(' ')}`)
    }
  }

  give(places: readonly CountedPlace[]): void {
    for (const { key, holder } of places) {
      const holders = this.#byKey.get(key)
      const left = (holders?.get(holder) ?? 0) - 1
      if (left > 0) holders?.set(holder, left)
      else holders?.delete(holder)
    }
  }
}
