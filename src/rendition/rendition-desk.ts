import type { Asset, Rendition } from '../catalogue/catalogue.ts'
import type { Format } from '../catalogue/format.ts'

export interface RenditionOrder {
  /** Who wants it: the name of an API. */
  readonly holder: string
  /** How long it is kept after it is ready; undefined until the order is taken back. */
  readonly keepSeconds: number | undefined
  /** Counts the time to keep from now on, also when the holder has ordered before. */
  readonly renew: boolean
}

/**
 * Renditions of assets, made when somebody wants them. The asset's own container counts as a rendition
 * of that format, with the asset's own status.
 */
export interface RenditionDesk {
  /** The rendition as it is now; undefined when the asset has none and none was ordered. */
  find(asset: Asset, format: Format): Promise<Rendition | undefined>
  /**
   * Orders a rendition and returns it as it is then. Work begins unless it is there, is being made, or
   * failed less than a minute ago. An order of a format that the asset has by itself makes nothing.
   */
  order(asset: Asset, format: Format, order: RenditionOrder): Promise<Rendition>
  /** Takes an order back. With the last one, running work ends and a made object is removed. */
  release(asset: Asset, format: Format, holder: string): Promise<void>
  /** Ends the work on an asset and removes everything that was made of it: it changed or goes. */
  forget(assetId: string): Promise<void>
}
