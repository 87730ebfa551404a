import { type Clock, secondsOf } from '../../src/base/clock.ts'
import type { Asset, Catalogue, Rendition } from '../../src/catalogue/catalogue.ts'
import type { Format } from '../../src/catalogue/format.ts'
import type { RenditionDesk, RenditionOrder } from '../../src/rendition/rendition-desk.ts'

/** Renditions that nobody makes: they become what the test says. */
export class HandRenditions implements RenditionDesk {
  readonly #catalogue: Catalogue
  readonly #clock: Clock

  constructor(catalogue: Catalogue, clock: Clock) {
    this.#catalogue = catalogue
    this.#clock = clock
  }

  /** The rendition is in this state from now on. */
  async become(assetId: string, format: Format, status: Rendition['status']): Promise<void> {
    const now = secondsOf(this.#clock)
    await this.#catalogue.changeRendition(assetId, format, {
      status,
      ...(status === 'ready' && { percent: 100, readyAt: now }),
      ...(status === 'failed' && { failedAt: now }),
    })
  }

  async find(asset: Asset, format: Format): Promise<Rendition | undefined> {
    return this.#catalogue.rendition(asset.id, format)
  }

  async order(
    { id: assetId, origin }: Asset,
    format: Format,
    { holder, keepSeconds, renew }: RenditionOrder,
  ): Promise<Rendition> {
    if (renew || !(await this.#catalogue.order(assetId, format, holder))) {
      const keep = keepSeconds === undefined ? {} : { keepSeconds }
      const orderedAt = secondsOf(this.#clock)
      await this.#catalogue.putOrder({ assetId, format, holder, orderedAt, ...keep })
    }
    const before = await this.#catalogue.rendition(assetId, format)
    if (before && before.status !== 'failed') return before
    const started: Rendition = {
      assetId,
      format,
      status: 'pending',
      percent: 0,
      origin,
      object: `renditions/${assetId}/made.${format}`,
      isGiven: false,
    }
    await this.#catalogue.putRendition(started)
    return started
  }

  async release(asset: Asset, format: Format, holder: string): Promise<void> {
    await this.#catalogue.removeOrder(asset.id, format, holder)
  }

  async forget(assetId: string): Promise<void> {
    for (const { format } of await this.#catalogue.renditions(assetId)) {
      await this.#catalogue.removeRendition(assetId, format)
    }
  }
}
