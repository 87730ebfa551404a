import type { EpochSeconds } from '../base/clock.ts'
import { GatewayError } from '../base/failure.ts'
import {
  type Asset,
  type Catalogue,
  expiryOf,
  type Order,
  type Rendition,
  type RenditionChange,
  type Status,
} from '../catalogue/catalogue.ts'
import type { Format } from '../catalogue/format.ts'
import { AssetHash, orderField, parsed } from './asset-hash.ts'
import { CatalogueIndex, type Place } from './catalogue-index.ts'
import {
  PUT_ASSET,
  PUT_RENDITION,
  REMOVE_ASSET,
  REMOVE_RENDITION,
  REPLACE_RENDITION,
  SWAP_RENDITION,
} from './catalogue-scripts.ts'
import type { ValkeyConnection } from './connection.ts'

/** How often a rendition that another node changes at the same time is read again. */
const MAX_TRIES = 20
/** How many assets are read in one round trip. */
const BATCH = 500

/**
 * The catalogue of all nodes. What is known of an asset changes in one step; lists of assets and
 * renditions follow it in further ones (`CatalogueIndex`).
 */
export class ValkeyCatalogue implements Catalogue {
  readonly #valkey: ValkeyConnection
  readonly #index: CatalogueIndex

  constructor(valkey: ValkeyConnection) {
    this.#valkey = valkey
    this.#index = new CatalogueIndex(valkey)
  }

  async asset(id: string): Promise<Asset | undefined> {
    return (await this.#field(id, 'asset')) as Asset | undefined
  }

  async assetOf(object: string, pipelineId: string): Promise<Asset | undefined> {
    const ids = await this.#index.withObject(object, pipelineId)
    const assets: Asset[] = []
    for (const [at, hash] of (await this.#hashes(ids)).entries()) {
      const { asset } = hash
      if (asset?.object === object && asset.pipelineId === pipelineId) assets.push(asset)
      else await this.#pruneObject(ids[at] ?? '', object, pipelineId)
    }
    return assets.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))[0]
  }

  async assets(after: string, limit: number): Promise<Asset[]> {
    const assets: Asset[] = []
    for (let from = after; assets.length < limit;) {
      const count = Math.min(BATCH, limit - assets.length)
      const ids = await this.#index.idsBehind(from, count)
      for (const [at, { asset }] of (await this.#hashes(ids)).entries()) {
        if (asset) assets.push(asset)
        else await this.#pruneId(ids[at] ?? '')
      }
      if (ids.length < count) break
      from = ids.at(-1) ?? ''
    }
    return assets
  }

  async putAsset(asset: Asset, given: readonly Rendition[]): Promise<void> {
    const entries = [
      this.#index.ofId(asset.id),
      ...given.map((rendition) => this.#index.ofStatus(rendition, rendition.status)),
    ]
    if (asset.pipelineId !== undefined) {
      entries.push(this.#index.ofObject(asset.id, asset.object, asset.pipelineId))
    }
    const args = given.flatMap((rendition) => [rendition.format, JSON.stringify(rendition)])
    const before = await this.#index.around(entries, () =>
      this.#valkey.run(PUT_ASSET, [this.#assetKey(asset.id)], [JSON.stringify(asset), ...args]),
    )
    const { object, pipelineId } = (parsed(before) ?? asset) as Asset
    if (pipelineId === undefined) return
    if (object !== asset.object || pipelineId !== asset.pipelineId) {
      await this.#pruneObject(asset.id, object, pipelineId)
    }
  }

  async removeAsset(id: string): Promise<boolean> {
    const reply = await this.#valkey.run(REMOVE_ASSET, [this.#assetKey(id)], [])
    const before = parsed(reply) as Asset | undefined
    await this.#pruneId(id)
    if (before === undefined) return false
    const { object, pipelineId } = before
    if (pipelineId !== undefined) await this.#pruneObject(id, object, pipelineId)
    return true
  }

  async rendition(assetId: string, format: Format): Promise<Rendition | undefined> {
    return (await this.#field(assetId, `row:${format}`)) as Rendition | undefined
  }

  async renditions(assetId: string): Promise<Rendition[]> {
    return (await this.#hash(assetId)).renditions
  }

  async renditionsIn(statuses: readonly Status[]): Promise<Rendition[]> {
    return (await this.#inStatus(statuses)).map(({ rendition }) => rendition)
  }

  async putRendition(rendition: Rendition): Promise<void> {
    const { assetId, format, status } = rendition
    await this.#index.around([this.#index.ofStatus(rendition, status)], () =>
      this.#valkey.run(
        PUT_RENDITION,
        [this.#assetKey(assetId)],
        [format, JSON.stringify(rendition)],
      ),
    )
  }

  async replaceRendition(rendition: Rendition, before: string | undefined): Promise<boolean> {
    const { assetId, format, status } = rendition
    const args = [format, JSON.stringify(rendition), before ?? '']
    const replaced = await this.#index.around([this.#index.ofStatus(rendition, status)], () =>
      this.#valkey.run(REPLACE_RENDITION, [this.#assetKey(assetId)], args),
    )
    return replaced === 1
  }

  async changeRendition(
    assetId: string,
    format: Format,
    change: RenditionChange,
    object?: string,
  ): Promise<boolean> {
    const { status } = change
    const entries = status === undefined ? [] : [this.#index.ofStatus({ assetId, format }, status)]
    return this.#index.around(entries, () => this.#change(assetId, format, change, object))
  }

  async removeRendition(assetId: string, format: Format, object = ''): Promise<void> {
    await this.#valkey.run(REMOVE_RENDITION, [this.#assetKey(assetId)], [format, object])
  }

  async orders(assetId: string, format: Format): Promise<Order[]> {
    return (await this.#hash(assetId)).orders(format)
  }

  async order(assetId: string, format: Format, holder: string): Promise<Order | undefined> {
    return (await this.#field(assetId, orderField(format, holder))) as Order | undefined
  }

  async putOrder(order: Order): Promise<void> {
    const field = orderField(order.format, order.holder)
    await this.#valkey.command('HSET', this.#assetKey(order.assetId), field, JSON.stringify(order))
  }

  async removeOrder(assetId: string, format: Format, holder: string): Promise<void> {
    await this.#valkey.command('HDEL', this.#assetKey(assetId), orderField(format, holder))
  }

  async expired(now: EpochSeconds): Promise<Rendition[]> {
    const ready = await this.#inStatus(['ready'])
    return ready
      .filter(
        ({ rendition, hash }) =>
          !rendition.isGiven &&
          hash
            .orders(rendition.format)
            .every((order) => (expiryOf(order, rendition) ?? Infinity) <= now),
      )
      .map(({ rendition }) => rendition)
  }

  async #change(
    assetId: string,
    format: Format,
    change: RenditionChange,
    object: string | undefined,
  ): Promise<boolean> {
    const key = this.#assetKey(assetId)
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const text = await this.#valkey.command('HGET', key, `row:${format}`)
      const before = parsed(text) as Rendition | undefined
      if (!before || before.object !== (object ?? before.object)) return false
      const args = [format, String(text), JSON.stringify({ ...before, ...change })]
      if ((await this.#valkey.run(SWAP_RENDITION, [key], args)) === 1) return true
    }
    throw new GatewayError('ERR_STATE_UNAVAILABLE', 'a rendition changes faster than it is read')
  }

  /** Those with one of the states, oldest first. */
  async #inStatus(
    statuses: readonly Status[],
  ): Promise<{ readonly rendition: Rendition; readonly hash: AssetHash }[]> {
    const found = new Map<string, { rendition: Rendition; hash: AssetHash; since: number }>()
    for (const status of statuses) {
      const places = await this.#index.inStatus(status)
      const hashes = await this.#hashes(places.map(({ assetId }) => assetId))
      for (const [at, place] of places.entries()) {
        const { assetId, format } = place
        const hash = hashes[at]
        const rendition = hash?.rendition(format)
        if (hash && rendition?.status === status) {
          found.set(`${assetId}/${format}`, { rendition, hash, since: hash.since(format) })
        } else await this.#pruneStatus(place, status)
      }
    }
    return [...found.values()].toSorted((a, b) => a.since - b.since)
  }

  async #field(assetId: string, field: string): Promise<unknown> {
    return parsed(await this.#valkey.command('HGET', this.#assetKey(assetId), field))
  }

  async #hash(assetId: string): Promise<AssetHash> {
    return new AssetHash(await this.#valkey.command('HGETALL', this.#assetKey(assetId)))
  }

  /** In the order of the ids, a batch of them in each round trip. */
  async #hashes(ids: readonly string[]): Promise<AssetHash[]> {
    const hashes: AssetHash[] = []
    for (let from = 0; from < ids.length; from += BATCH) {
      const calls = ids
        .slice(from, from + BATCH)
        .map((id) => ({ command: 'HGETALL', args: [this.#assetKey(id)] }))
      for (const result of await this.#valkey.pipeline(calls)) {
        if (result.outcome === 'failed') throw result.failure
        hashes.push(new AssetHash(result.value))
      }
    }
    return hashes
  }

  #pruneId(id: string): Promise<void> {
    return this.#index.prune(this.#index.ofId(id), async () => (await this.asset(id)) !== undefined)
  }

  #pruneObject(id: string, object: string, pipelineId: string): Promise<void> {
    return this.#index.prune(this.#index.ofObject(id, object, pipelineId), async () => {
      const asset = await this.asset(id)
      return asset?.object === object && asset.pipelineId === pipelineId
    })
  }

  #pruneStatus(place: Place, status: Status): Promise<void> {
    return this.#index.prune(
      this.#index.ofStatus(place, status),
      async () => (await this.rendition(place.assetId, place.format))?.status === status,
    )
  }

  #assetKey(id: string): string {
    return `${this.#valkey.prefix}asset:{${id}}`
  }
}
