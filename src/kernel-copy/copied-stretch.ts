import type { Duplex } from 'node:stream'
import type { CopyProgress, LentSource, Transfer } from '../base/byte-sink.ts'
import type { KernelCopier, KernelCopy, WindowOutcome } from './kernel-copier.ts'
import { WindowPace } from './window-pace.ts'

/** Who sends the body that a stretch is part of. */
export interface StretchOwner {
  /** Hears of the next bytes before they may leave; false: they may not, the body has ended. */
  count(bytes: number): boolean | Promise<boolean>
  /** So many bytes have left. */
  onMoved(bytes: number): void
  /** The transfer goes on by itself, or ends. */
  onGivenBack(): void
  /** The client is gone. */
  onTargetFailed(): void
}

/** The stretch of a body that the kernel moves from a lent source, one counted window at a time. */
export class CopiedStretch implements CopyProgress {
  readonly #owner: StretchOwner
  readonly #pace = new WindowPace()
  #source: LentSource | undefined
  #copy: KernelCopy | undefined
  #done = 0
  #seen = 0

  private constructor(owner: StretchOwner) {
    this.#owner = owner
  }

  /**
   * Takes over from a transfer whose chunk was taken. Undefined when the transfer does not lend: then it
   * waits to be resumed.
   */
  static begin(
    transfer: Transfer,
    copier: KernelCopier,
    target: Duplex,
    owner: StretchOwner,
  ): CopiedStretch | undefined {
    const stretch = new CopiedStretch(owner)
    const source = transfer.lend?.(stretch)
    if (!source) return undefined
    stretch.#source = source
    stretch.#copy = copier.begin(source, target)
    // nothing may be called back before the caller holds the stretch
    queueMicrotask(() => {
      if (stretch.#copy) stretch.#next()
      else stretch.#giveBack()
    })
    return stretch
  }

  get moved(): number {
    return this.#done + (this.#copy?.moved ?? 0)
  }

  /** Bytes of them that the owner has not heard of. */
  get unreported(): number {
    return this.#copy?.moved ?? 0
  }

  get isWaitingForSource(): boolean {
    return this.#copy?.isWaitingForSource ?? false
  }

  /** Whether the reader took anything since this was asked last, or had nothing to take. */
  readerGoesOn(): boolean {
    const before = this.#seen
    this.#seen = this.moved
    return this.#seen > before || this.isWaitingForSource || !this.#copy?.isRunning
  }

  /** Ends it at once; the source is not given back. */
  stop(): void {
    const copy = this.#copy
    this.#copy = undefined
    this.#source = undefined
    if (copy) this.#owner.onMoved(copy.close())
  }

  #next(): void {
    const { length } = this.#source as LentSource
    const bytes = Math.min(this.#pace.begin(), length - this.#done)
    if (bytes === 0) {
      this.#giveBack()
      return
    }
    const counted = this.#owner.count(bytes)
    if (counted === true) this.#move(bytes)
    else if (counted) {
      void counted.then((may) => {
        if (may) this.#move(bytes)
      })
    }
  }

  #move(bytes: number): void {
    if (this.#source) this.#copy?.copy(this.#source.offset + this.#done, bytes, this.#onWindowEnd)
  }

  readonly #onWindowEnd = (outcome: WindowOutcome, moved: number): void => {
    this.#done += moved
    this.#owner.onMoved(moved)
    if (outcome === 'done') {
      this.#pace.ended()
      this.#next()
    } else if (outcome === 'target-failed') this.#owner.onTargetFailed()
    // what broke is found by reading it
    else this.#giveBack()
  }

  #giveBack(): void {
    const source = this.#source
    this.#copy?.close()
    this.#copy = undefined
    this.#source = undefined
    if (!source) return
    this.#owner.onGivenBack()
    source.giveBack(this.#done)
  }
}
