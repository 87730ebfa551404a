/** Records come right behind the end of their download. */
const MAX = 10_000

/** How much of an object a download got over the connections of all workers, as was summed up last. */
export class Coverages {
  readonly #byDownload = new Map<string, number>()

  put(download: string, coverage: number): void {
    this.#byDownload.delete(download)
    this.#byDownload.set(download, coverage)
    if (this.#byDownload.size <= MAX) return
    const [oldest] = this.#byDownload.keys()
    if (oldest !== undefined) this.#byDownload.delete(oldest)
  }

  get(download: string): number | undefined {
    return this.#byDownload.get(download)
  }
}
