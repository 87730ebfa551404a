import { type Clock, secondsOf } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import type { Asset, Catalogue, Rendition } from '../catalogue/catalogue.ts'
import type { Origin } from '../origin/origin.ts'
import { isWritable, type WritableOrigin } from '../origin/writable-origin.ts'
import { type MadeRendition, makeRendition } from './make-rendition.ts'
import type { RenditionRows } from './rendition-rows.ts'
import { type Transcoder, TranscodeError } from './transcoder.ts'

export interface AttemptParts {
  readonly catalogue: Catalogue
  readonly transcoder: Transcoder
  /** The origins in force, by name. */
  readonly origin: (name: string) => Origin | undefined
  /** The largest source that is copied before it is read. */
  readonly maxBytes: number
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
}

/** One attempt to make a rendition, from the row that asks for it to the row that says how it went. */
export class Attempt {
  readonly #parts: AttemptParts
  readonly #rows: RenditionRows
  readonly #row: Rendition
  readonly #superseded = new AbortController()
  readonly #signal: AbortSignal
  #percent = 0
  #noting: Promise<void> | undefined

  constructor(parts: AttemptParts, rows: RenditionRows, row: Rendition, signal: AbortSignal) {
    this.#parts = parts
    this.#rows = rows
    this.#row = row
    this.#signal = AbortSignal.any([signal, this.#superseded.signal])
  }

  /** Never rejects. An attempt that is given up leaves its row to whoever gave it up. */
  async run(): Promise<void> {
    try {
      const asset = await this.#take()
      if (asset) await this.#make(asset)
    } catch (error) {
      if (!this.#signal.aborted) await this.#fail(messageOf(error))
    } finally {
      await this.#noting
    }
  }

  /** Takes the row to work on. Undefined when there is nothing to do for it, or not yet. */
  #take(): Promise<Asset | undefined> {
    return this.#rows.lockedIfSame(this.#row, async (row) => {
      const { catalogue } = this.#parts
      const asset = await catalogue.asset(row.assetId)
      if (!asset) {
        await catalogue.removeRendition(row.assetId, row.format, row.object)
        return undefined
      }
      // its turn came late: another node has made it, or has died of it
      if (row.status !== 'pending') return undefined
      if (asset.members) throw new TranscodeError('an archive has no renditions')
      if (asset.status === 'failed') throw new TranscodeError('the asset has failed')
      if (asset.status !== 'ready') return undefined
      return (await this.#rows.change(row, { status: 'processing' })) ? asset : undefined
    })
  }

  async #make(asset: Asset): Promise<void> {
    const { origin, transcoder, maxBytes } = this.#parts
    const source = origin(asset.origin)
    if (!source) throw new TranscodeError(`there is no origin ${asset.origin}`)
    const target = origin(this.#row.origin)
    if (!target || !isWritable(target)) {
      throw new TranscodeError(`the origin ${this.#row.origin} cannot be written to`)
    }
    const made = await makeRendition({
      asset,
      source,
      target,
      transcoder,
      maxBytes,
      rendition: this.#row,
      signal: this.#signal,
      onProgress: (percent) => {
        this.#percent = percent
        this.#noting ??= this.#notePercent()
      },
    })
    try {
      await this.#publish(asset, made, target)
    } finally {
      await made.staged.discard()
    }
  }

  /** The object first: one that a crash leaves without its row is removed by the next attempt. */
  async #publish(
    asset: Asset,
    { staged, size }: MadeRendition,
    target: WritableOrigin,
  ): Promise<void> {
    await this.#rows.lockedIfSame(this.#row, async (row) => {
      const now = await this.#parts.catalogue.asset(row.assetId)
      if (now?.origin !== asset.origin || now.object !== asset.object) {
        // made of what the asset no longer is; the next look takes it up again
        await this.#rows.change(row, { status: 'pending', percent: 0 })
        return
      }
      await staged.publish()
      const readyAt = secondsOf(this.#parts.clock)
      if (await this.#rows.change(row, { status: 'ready', percent: 100, size, readyAt })) {
        this.#parts.log('info', `asset ${row.assetId} is there as ${row.format}`)
      } else {
        await target.remove(row.object)
      }
    })
  }

  async #fail(error: string): Promise<void> {
    const { log, clock } = this.#parts
    log('warn', `asset ${this.#row.assetId} was not made into ${this.#row.format}: ${error}`)
    try {
      await this.#rows.lockedIfSame(this.#row, (row) =>
        this.#rows.change(row, { status: 'failed', failedAt: secondsOf(clock), error }),
      )
    } catch (failure) {
      log('error', `the failed rendition cannot be noted: ${messageOf(failure)}`)
    }
  }

  /**
   * One write at a time, of the newest percentage; what came while it waited is in it. A row that is
   * there no longer, or belongs to another attempt, ends this one.
   */
  async #notePercent(): Promise<void> {
    try {
      const isSame = await this.#rows.lockedIfSame(this.#row, async (row) => {
        if (row.status !== 'processing' || this.#signal.aborted) return true
        return this.#rows.change(row, { percent: this.#percent })
      })
      if (!isSame) this.#superseded.abort()
    } catch (error) {
      this.#parts.log('error', `progress cannot be noted: ${messageOf(error)}`)
    } finally {
      this.#noting = undefined
    }
  }
}
