import type { Catalogue, Rendition } from '../catalogue/catalogue.ts'
import type { Format } from '../catalogue/format.ts'
import { KeyedLock } from './keyed-lock.ts'

type RowChange = Parameters<Catalogue['changeRendition']>[2]

/** The renditions of the catalogue, with one change at a time for each asset. */
export class RenditionRows {
  readonly #catalogue: Catalogue
  readonly #locks = new KeyedLock()

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue
  }

  /** Works on a rendition that nobody else changes meanwhile. */
  async locked<T>(
    assetId: string,
    format: Format,
    work: (row: Rendition | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#locks.run(assetId, async () =>
      work(await this.#catalogue.rendition(assetId, format)),
    )
  }

  /** Does the work only when the rendition is still that of the attempt, which its object stands for. */
  async lockedIfSame<T>(
    attempt: Rendition,
    work: (row: Rendition) => Promise<T>,
  ): Promise<T | undefined> {
    return this.locked(attempt.assetId, attempt.format, async (row) =>
      row?.object === attempt.object ? work(row) : undefined,
    )
  }

  /** Changes a rendition. Inside the lock only. */
  async change({ assetId, format }: Rendition, change: RowChange): Promise<void> {
    await this.#catalogue.changeRendition(assetId, format, change)
  }
}
