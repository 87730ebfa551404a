import { randomUUID } from 'node:crypto'
import { type EpochSeconds, secondsOf } from '../base/clock.ts'
import { GatewayError, messageOf } from '../base/failure.ts'
import {
  type Asset,
  type Catalogue,
  expiryOf,
  type Rendition,
  type Status,
} from '../catalogue/catalogue.ts'
import { type Format, FORMAT_NAMES, formatOf } from '../catalogue/format.ts'
import { isWritable } from '../origin/writable-origin.ts'
import { Attempt, type AttemptParts } from './attempt.ts'
import type { Coordination } from './coordination.ts'
import { removeTraces } from './make-rendition.ts'
import type { RenditionDesk, RenditionOrder } from './rendition-desk.ts'
import { RenditionRows } from './rendition-rows.ts'
import { WorkQueue } from './work-queue.ts'

export interface RenditionQueueOptions extends AttemptParts {
  /** The name of the writable origin that renditions are put into. */
  readonly target: string
  readonly concurrency: number
  /** What tells which node makes what. */
  readonly coordination: Coordination
}

const SWEEP_MS = 30_000
const RETRY_SECONDS = 60
const UNFINISHED: readonly Status[] = ['pending', 'processing']

/**
 * Makes renditions, some at a time, each on one node; what a crash interrupted is made again, by any of
 * them. Every attempt has an object name of its own: a program that outlived a crash, an older attempt,
 * or a node that was taken for dead writes to no file that counts.
 */
export class RenditionQueue implements RenditionDesk {
  readonly #options: RenditionQueueOptions
  readonly #catalogue: Catalogue
  readonly #coordination: Coordination
  readonly #work: WorkQueue
  readonly #rows: RenditionRows
  #sweeping: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: RenditionQueueOptions) {
    this.#options = options
    this.#catalogue = options.catalogue
    this.#coordination = options.coordination
    this.#rows = new RenditionRows(options.catalogue, options.coordination)
    this.#work = new WorkQueue(options.concurrency)
  }

  /** Goes on with what an earlier process left, and removes what has expired from now on. */
  resume(): void {
    this.#sweepInBackground()
    this.#timer = setInterval(() => {
      this.#sweepInBackground()
    }, SWEEP_MS)
    this.#timer.unref()
  }

  /** Ends running work; the next start takes it up again. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#work.stop()
    await this.#sweeping
  }

  async find(asset: Asset, format: Format): Promise<Rendition | undefined> {
    const own = ownRendition(asset, format)
    if (own) return own
    const row = await this.#catalogue.rendition(asset.id, format)
    if (!row || (await this.#isSound(row))) return row
    return this.#rows.locked(asset.id, format, async (now) => {
      if (!now || (await this.#isSound(now))) return now
      if (await this.#isKept(now)) return this.#begin(asset.id, format, now)
      await this.#drop(now)
      return undefined
    })
  }

  async order(asset: Asset, format: Format, order: RenditionOrder): Promise<Rendition> {
    const own = ownRendition(asset, format)
    return this.#rows.locked(asset.id, format, async (row) => {
      await this.#note(asset.id, format, order, row)
      if (own) return own
      if (!row || this.#mayRetry(row) || !(await this.#isSound(row))) {
        return this.#begin(asset.id, format, row)
      }
      if (row.status === 'pending') this.#enqueue(row)
      return row
    })
  }

  async release(asset: Asset, format: Format, holder: string): Promise<void> {
    const dropped = await this.#rows.locked(asset.id, format, async (row) => {
      await this.#catalogue.removeOrder(asset.id, format, holder)
      if (!row || row.isGiven) return undefined
      const orders = await this.#catalogue.orders(asset.id, format)
      return orders.length === 0 ? this.#drop(row) : undefined
    })
    if (dropped) await this.#work.cancel(dropped.object)
  }

  async forget(assetId: string): Promise<void> {
    for (const format of FORMAT_NAMES) {
      const dropped = await this.#rows.locked(assetId, format, async (row) => {
        for (const { holder } of await this.#catalogue.orders(assetId, format)) {
          await this.#catalogue.removeOrder(assetId, format, holder)
        }
        return row && !row.isGiven ? this.#drop(row) : undefined
      })
      if (dropped) await this.#work.cancel(dropped.object)
    }
  }

  async #note(
    assetId: string,
    format: Format,
    { holder, keepSeconds, renew }: RenditionOrder,
    row: Rendition | undefined,
  ): Promise<void> {
    const before = await this.#catalogue.order(assetId, format, holder)
    const isOver = before && row && (expiryOf(before, row) ?? Infinity) <= this.#now
    if (before && !isOver && !renew) return
    await this.#catalogue.putOrder({
      assetId,
      format,
      holder,
      orderedAt: this.#now,
      ...(keepSeconds !== undefined && { keepSeconds }),
    })
  }

  /** Begins an attempt, the first one or another. Holds the lock. */
  async #begin(assetId: string, format: Format, before: Rendition | undefined): Promise<Rendition> {
    if (before) await this.#removeObject(before)
    const { target } = this.#options
    const object = `renditions/${assetId}/${randomUUID()}.${format}`
    const made = { status: 'pending', percent: 0, origin: target, object, isGiven: false } as const
    const row: Rendition = { assetId, format, ...made }
    if (!(await this.#catalogue.replaceRendition(row, before?.object))) {
      const now = await this.#catalogue.rendition(assetId, format)
      if (now) return now
      throw new GatewayError('ERR_STATE_UNAVAILABLE', 'a rendition changes faster than it is read')
    }
    this.#enqueue(row)
    return row
  }

  /** Whether another node makes it already shows when its turn has come. */
  #enqueue(row: Rendition): void {
    this.#work.add(row.object, async (signal) => {
      try {
        await this.#coordination.claim(row.object, signal, (held) =>
          new Attempt(this.#options, this.#rows, row, held).run(),
        )
      } catch (error) {
        this.#logFailure(row, 'begun', error)
      }
    })
  }

  /** Removes what has expired, and takes up what nobody works on: after a crash, or of a late asset. */
  async #sweep(): Promise<void> {
    const expired = await this.#catalogue.expired(this.#now)
    const unfinished = await this.#catalogue.renditionsIn(UNFINISHED)
    for (const { assetId, format } of [...expired, ...unfinished]) {
      try {
        await this.#rows.locked(assetId, format, async (row) => {
          if (row) await this.#settle(row)
        })
      } catch (error) {
        this.#logFailure({ assetId, format }, 'looked after', error)
      }
    }
  }

  async #settle(row: Rendition): Promise<void> {
    if (row.isGiven || this.#work.has(row.object)) return
    if (!(await this.#isKept(row))) await this.#drop(row)
    else if (row.status === 'pending') this.#enqueue(row)
    else if (row.status === 'processing' && !(await this.#coordination.isClaimed(row.object))) {
      await this.#begin(row.assetId, row.format, row)
    }
  }

  /** Whether some order stands, as long as it is not ready without end. */
  async #isKept(row: Rendition): Promise<boolean> {
    const orders = await this.#catalogue.orders(row.assetId, row.format)
    return orders.some((order) => (expiryOf(order, row) ?? Infinity) > this.#now)
  }

  /** Ends the work on a rendition and removes it, its object first: what is cut off there is swept later. */
  async #drop(row: Rendition): Promise<Rendition> {
    // not awaited: the work may wait for the lock that is held here
    void this.#work.cancel(row.object)
    await this.#coordination.end(row.object)
    await this.#removeObject(row)
    await this.#catalogue.removeRendition(row.assetId, row.format, row.object)
    return row
  }

  async #removeObject(row: Rendition): Promise<void> {
    const origin = this.#options.origin(row.origin)
    if (origin && isWritable(origin)) await removeTraces(origin, row)
  }

  /** False for a rendition whose object somebody has deleted. */
  async #isSound(row: Rendition): Promise<boolean> {
    if (row.status !== 'ready' || row.isGiven) return true
    const origin = this.#options.origin(row.origin)
    if (!origin || !isWritable(origin)) return false
    return (await origin.localFile(row.object)) !== undefined
  }

  #mayRetry({ status, failedAt = 0 }: Rendition): boolean {
    return status === 'failed' && this.#now - failedAt >= RETRY_SECONDS
  }

  #logFailure(
    { assetId, format }: Pick<Rendition, 'assetId' | 'format'>,
    what: 'begun' | 'looked after',
    error: unknown,
  ): void {
    const text = `the ${format} of asset ${assetId} cannot be ${what}: ${messageOf(error)}`
    this.#options.log('error', text)
  }

  get #now(): EpochSeconds {
    return secondsOf(this.#options.clock)
  }

  #sweepInBackground(): void {
    this.#sweeping ??= this.#sweep()
      .catch((error: unknown) => {
        this.#options.log('error', `renditions cannot be looked after: ${messageOf(error)}`)
      })
      .finally(() => {
        this.#sweeping = undefined
      })
  }
}

/** The asset's own object, where its container is the format. */
function ownRendition(asset: Asset, format: Format): Rendition | undefined {
  if (asset.members || formatOf(asset.object) !== format) return undefined
  const { id: assetId, status, origin, object } = asset
  return {
    assetId,
    format,
    status,
    percent: status === 'ready' ? 100 : 0,
    origin,
    object,
    isGiven: true,
  }
}
