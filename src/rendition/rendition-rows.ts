import type { Catalogue, Rendition, RenditionChange } from '../catalogue/catalogue.ts'
import type { Format } from '../catalogue/format.ts'
import type { Coordination } from './coordination.ts'

/** The renditions of the catalogue, with one change at a time for each asset. */
export class RenditionRows {
  readonly #catalogue: Catalogue
  readonly #coordination: Coordination

  constructor(catalogue: Catalogue, coordination: Coordination) {
    this.#catalogue = catalogue
    this.#coordination = coordination
  }

  /** Works on a rendition that nobody else changes meanwhile. */
  async locked<T>(
    assetId: string,
    format: Format,
    work: (row: Rendition | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#coordination.alone(assetId, async () =>
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

  /**
   * Changes a rendition that is still that of the attempt, and false when it is not: a node that was
   * paused may hold a lock no longer.
   */
  async change({ assetId, format, object }: Rendition, change: RenditionChange): Promise<boolean> {
    return this.#catalogue.changeRendition(assetId, format, change, object)
  }
}
