/** A row of a table; without a body it says that the row was removed. */
export interface Row {
  /** When it was written: the server's time in microseconds. */
  readonly stamp: number
  readonly body: string | undefined
}

/** Is told of rows that are there, and of each change. */
export interface RowFollower {
  put(key: string, body: string, stamp: number): void
  remove(key: string): void
}

/** Rows by their keys, of which the latest stands in whatever order they come. */
export class RowMap {
  readonly #rows = new Map<string, Row>()
  #follower: RowFollower | undefined

  follow(follower: RowFollower): void {
    this.#follower = follower
    for (const [key, { body, stamp }] of this.#rows) {
      if (body !== undefined) follower.put(key, body, stamp)
    }
  }

  put(key: string, row: Row): void {
    const known = this.#rows.get(key)
    if (known && known.stamp >= row.stamp) return
    this.#rows.set(key, row)
    if (row.body !== undefined) this.#follower?.put(key, row.body, row.stamp)
    else if (known?.body !== undefined) this.#follower?.remove(key)
  }

  filter(fits: (key: string, row: Row) => boolean): (readonly [string, Row])[] {
    return [...this.#rows].filter(([key, row]) => fits(key, row))
  }

  /** Forgets rows without a trace of their removal. */
  drop(fits: (key: string, row: Row) => boolean): void {
    for (const [key, row] of this.filter(fits)) {
      this.#rows.delete(key)
      if (row.body !== undefined) this.#follower?.remove(key)
    }
  }
}
