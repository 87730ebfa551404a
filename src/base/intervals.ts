/**
 * A set of bytes as sorted, disjoint, non-touching half-open intervals: [start, end, start, end, …].
 * The union counts each byte once, however often it was sent.
 */
export class ByteIntervals {
  #edges: number[]
  #covered = 0

  constructor(edges: readonly number[] = []) {
    this.#edges = [...edges]
    for (let i = 0; i < edges.length; i += 2) this.#covered += (edges[i + 1] ?? 0) - (edges[i] ?? 0)
  }

  /** Unique bytes. */
  get covered(): number {
    return this.#covered
  }

  get edges(): readonly number[] {
    return this.#edges
  }

  add(start: number, end: number): void {
    if (end <= start) return
    const edges = this.#edges
    const last = edges.length - 1
    // the common case: the bytes right behind the last ones
    if (last > 0 && start === edges[last]) {
      edges[last] = end
      this.#covered += end - start
      return
    }
    let from = 0
    while (from < edges.length && (edges[from + 1] ?? 0) < start) from += 2
    let to = from
    let low = start
    let high = end
    while (to < edges.length && (edges[to] ?? 0) <= high) {
      low = Math.min(low, edges[to] ?? 0)
      high = Math.max(high, edges[to + 1] ?? 0)
      this.#covered -= (edges[to + 1] ?? 0) - (edges[to] ?? 0)
      to += 2
    }
    edges.splice(from, to - from, low, high)
    this.#covered += high - low
  }

  /** How many bytes of [start, end) are in the set. */
  overlap(start: number, end: number): number {
    let bytes = 0
    for (let i = 0; i < this.#edges.length; i += 2) {
      const low = Math.max(start, this.#edges[i] ?? 0)
      const high = Math.min(end, this.#edges[i + 1] ?? 0)
      if (high > low) bytes += high - low
    }
    return bytes
  }
}
