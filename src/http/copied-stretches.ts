import type { Duplex } from 'node:stream'
import type { Transfer } from '../base/byte-sink.ts'
import { CopiedStretch, type StretchOwner } from '../kernel-copy/copied-stretch.ts'
import type { KernelCopier } from '../kernel-copy/kernel-copier.ts'
import type { Exchange } from './exchange.ts'

/** Fewer bytes are not worth handing two descriptors to another thread and back. */
export const LEAST_COPIED = 512 * 1024
/** Chunks after which a transfer is no longer asked to lend. */
const MAX_ASKED = 4
/** What is read in this process before the kernel is tried again: a file that was not in memory. */
const COPY_AGAIN_AFTER = 8 * 1024 * 1024

export interface CopiedStretchesOptions {
  readonly copier: KernelCopier
  /** Where the next byte of the object lies. */
  readonly position: () => number
  readonly count: StretchOwner['count']
  readonly onMoved: StretchOwner['onMoved']
  readonly onTargetFailed: StretchOwner['onTargetFailed']
}

/** The stretches of one body that the kernel moves past this process. */
export class CopiedStretches {
  readonly #exchange: Exchange
  readonly #options: CopiedStretchesOptions
  #current: CopiedStretch | undefined
  /** From here on the kernel may copy. */
  #from = 0
  #asked = 0

  constructor(exchange: Exchange, options: CopiedStretchesOptions) {
    this.#exchange = exchange
    this.#options = options
  }

  get mayBegin(): boolean {
    return this.#asked < MAX_ASKED && this.#options.position() >= this.#from
  }

  /** Lets the kernel move what is left. Whether the transfer lends; else it waits to be resumed. */
  begin(transfer: Transfer, target: Duplex): boolean {
    const { copier, count, onMoved, onTargetFailed } = this.#options
    this.#asked++
    this.#current = CopiedStretch.begin(transfer, copier, target, {
      count,
      onMoved,
      onGivenBack: () => {
        this.#exchange.stretch = this.#current = undefined
        this.#from = this.#options.position() + COPY_AGAIN_AFTER
        this.#asked = 0
      },
      onTargetFailed,
    })
    this.#exchange.stretch = this.#current
    return this.#current !== undefined
  }

  stop(): void {
    this.#current?.stop()
  }
}
