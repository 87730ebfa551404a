import type { EpochSeconds } from '../base/clock.ts'
import type { Format } from './format.ts'

export const STATUSES = ['pending', 'processing', 'ready', 'failed'] as const

/** Where an asset or a rendition stands on its way. Only what is `ready` is ever served. */
export type Status = (typeof STATUSES)[number]

/** The form of an asset's id: UUIDs, hex and plain numbers among them. */
export const ASSET_ID = /^[A-Za-z0-9_-]{1,64}$/

/** Something that can be downloaded: a file that an operator, a scan or a task put into the catalogue. */
export interface Asset {
  readonly id: string
  readonly filename: string
  /** The name of an origin, and the source object there; empty for an archive. */
  readonly origin: string
  readonly object: string
  readonly pipelineId?: string
  /** Downloads need a token of their own (Cloudflare's `requireSignedURLs`). */
  readonly requireSigned: boolean
  readonly status: Status
  readonly createdAt: EpochSeconds
  /** An archive: the ids of the assets that it holds. */
  readonly members?: readonly string[]
}

/** One format of an asset besides its own. */
export interface Rendition {
  readonly assetId: string
  readonly format: Format
  readonly status: Status
  /** 0 to 100; 100 only when ready. */
  readonly percent: number
  readonly origin: string
  /** Where it lies, or will lie when it is ready. */
  readonly object: string
  /** Bytes; undefined as long as it is not ready, and for one that was given. */
  readonly size?: number
  /** The object was there before, put in by an operator: never made, never removed. */
  readonly isGiven: boolean
  /** Since when it is ready. */
  readonly readyAt?: EpochSeconds
  readonly failedAt?: EpochSeconds
  /** For operators: why it failed. */
  readonly error?: string
}

/**
 * Who wants a format of an asset, and for how long after it is ready. A made rendition is kept as long
 * as one order stands.
 */
export interface Order {
  readonly assetId: string
  readonly format: Format
  /** The API that ordered: `elytron`, `ibm`, `stream` … */
  readonly holder: string
  readonly orderedAt: EpochSeconds
  /** Undefined: until it is taken back. */
  readonly keepSeconds?: number
}

/** What of a rendition may change. */
export type RenditionChange = Partial<Omit<Rendition, 'assetId' | 'format'>>

/** Assets, renditions and orders. Each call is one transaction. */
export interface Catalogue {
  asset(id: string): Promise<Asset | undefined>
  /** The newest asset with this object of this pipeline. */
  assetOf(object: string, pipelineId: string): Promise<Asset | undefined>
  /** In the order of their ids, those behind `after`. */
  assets(after: string, limit: number): Promise<Asset[]>
  /** Adds or replaces an asset and the renditions that are given with it; other renditions stay. */
  putAsset(asset: Asset, given: readonly Rendition[]): Promise<void>
  /** Removes the asset with its renditions and orders; false when it was not there. */
  removeAsset(id: string): Promise<boolean>

  rendition(assetId: string, format: Format): Promise<Rendition | undefined>
  renditions(assetId: string): Promise<Rendition[]>
  /** Those with one of the states, oldest order first: what a restart has to go on with. */
  renditionsIn(statuses: readonly Status[]): Promise<Rendition[]>
  putRendition(rendition: Rendition): Promise<void>
  /**
   * Puts a rendition in the place of the one with this object, or of none; false when another is there.
   */
  replaceRendition(rendition: Rendition, before: string | undefined): Promise<boolean>
  /** Changes a rendition that is still there, and still has the object if one is named; or false. */
  changeRendition(
    assetId: string,
    format: Format,
    change: RenditionChange,
    object?: string,
  ): Promise<boolean>
  /** Removes a rendition and its orders; only if it has the object where one is named. */
  removeRendition(assetId: string, format: Format, object?: string): Promise<void>

  orders(assetId: string, format: Format): Promise<Order[]>
  order(assetId: string, format: Format, holder: string): Promise<Order | undefined>
  /** Adds the order, or replaces the holder's last one of this format. */
  putOrder(order: Order): Promise<void>
  removeOrder(assetId: string, format: Format, holder: string): Promise<void>
  /** Ready renditions that were made and that no order keeps any longer. */
  expired(now: EpochSeconds): Promise<Rendition[]>
}

/** Until when a made rendition is kept by what was ordered; undefined when no end is foreseen. */
export function keptUntil(
  rendition: Rendition,
  orders: readonly Order[],
): EpochSeconds | undefined {
  if (rendition.isGiven || orders.length === 0) return undefined
  const end = Math.max(...orders.map((order) => expiryOf(order, rendition) ?? Infinity))
  return Number.isFinite(end) ? end : undefined
}

/** Until when an order keeps its rendition; undefined without end, or as long as it is not ready. */
export function expiryOf(order: Order, rendition: Rendition): EpochSeconds | undefined {
  if (rendition.readyAt === undefined || order.keepSeconds === undefined) return undefined
  return Math.max(rendition.readyAt, order.orderedAt) + order.keepSeconds
}
