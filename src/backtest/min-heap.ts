/** Values that come out in the order of a number; equals come out as they went in. */
export class MinHeap<T> {
  readonly #entries: { readonly rank: number; readonly turn: number; readonly value: T }[] = []
  #turns = 0

  get size(): number {
    return this.#entries.length
  }

  /** The rank of the value that comes next; Infinity when there is none. */
  get nextRank(): number {
    return this.#entries[0]?.rank ?? Infinity
  }

  push(rank: number, value: T): void {
    const entries = this.#entries
    entries.push({ rank, turn: this.#turns++, value })
    let at = entries.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#isBefore(parent, at)) break
      this.#swap(parent, at)
      at = parent
    }
  }

  pop(): T | undefined {
    const entries = this.#entries
    const [first] = entries
    const last = entries.pop()
    if (!first || !last || entries.length === 0) return first?.value
    entries[0] = last
    let at = 0
    for (;;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < entries.length && this.#isBefore(child, least)) least = child
      }
      if (least === at) return first.value
      this.#swap(least, at)
      at = least
    }
  }

  #isBefore(i: number, j: number): boolean {
    const x = this.#entries[i]
    const y = this.#entries[j]
    if (!x || !y) return false
    return x.rank === y.rank ? x.turn < y.turn : x.rank < y.rank
  }

  #swap(i: number, j: number): void {
    const x = this.#entries[i]
    const y = this.#entries[j]
    if (!x || !y) return
    this.#entries[i] = y
    this.#entries[j] = x
  }
}
