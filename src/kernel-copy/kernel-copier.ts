import { createRequire } from 'node:module'
import type { Duplex } from 'node:stream'
import type { LentSource } from '../base/byte-sink.ts'
import { descriptorOf } from '../base/descriptor.ts'

/** The functions of the addon; its C sources say what holds for them. */
interface Addon {
  start(onEnd: (id: number, outcome: number, moved: number) => void): void
  open(source: number, isSocket: boolean | number, target: number): number
  copy(id: number, offset: number, length: number): boolean
  moved(id: number): number
  waitsForSource(id: number): boolean
  close(id: number): number
}

const PACKAGE = 'sluice-kernel-copy'
const OUTCOMES = ['done', 'declined', 'source-failed', 'target-failed'] as const

/**
 * How a window ended. `declined`: the bytes lie on a disk that one would have to wait for, or this
 * kernel cannot copy from there.
 */
export type WindowOutcome = (typeof OUTCOMES)[number]

/** Copies from descriptors to TCP sockets inside the kernel, on a thread of the addon. */
export class KernelCopier {
  readonly #addon: Addon
  readonly #open = new Map<number, KernelCopy>()

  private constructor(addon: Addon) {
    this.#addon = addon
    addon.start((id, outcome, moved) => {
      this.#open.get(id)?.onWindowEnd(OUTCOMES[outcome] ?? 'target-failed', moved)
    })
  }

  /** The copier of the process; undefined where the addon was not built or does not run. */
  static load(): KernelCopier | undefined {
    loaded ??= { copier: KernelCopier.#tryLoad() }
    return loaded.copier
  }

  static #tryLoad(): KernelCopier | undefined {
    try {
      return new KernelCopier(createRequire(import.meta.url)(PACKAGE) as Addon)
    } catch {
      // optional: without it the bytes pass through this process
      return undefined
    }
  }

  /** Copies that hold descriptors now. */
  get open(): number {
    return this.#open.size
  }

  /** Undefined when the target is no plain TCP socket or descriptors are short. */
  begin(source: LentSource, target: Duplex): KernelCopy | undefined {
    const descriptor = descriptorOf(target)
    if (descriptor === undefined) return undefined
    const id = this.#addon.open(source.fd, source.isSocket ? 1 : 0, descriptor)
    if (id < 0) return undefined
    const copy = new KernelCopy(this.#addon, id, () => {
      this.#open.delete(id)
    })
    this.#open.set(id, copy)
    return copy
  }
}

let loaded: { readonly copier: KernelCopier | undefined } | undefined

/** One copy, window by window. It holds descriptors of its own: both ends may be closed meanwhile. */
export class KernelCopy {
  readonly #addon: Addon
  readonly #id: number
  readonly #forget: () => void
  #onEnd: ((outcome: WindowOutcome, moved: number) => void) | undefined

  constructor(addon: Addon, id: number, forget: () => void) {
    this.#addon = addon
    this.#id = id
    this.#forget = forget
  }

  /** Moves the next `length` bytes; `offset` counts for files alone. */
  copy(
    offset: number,
    length: number,
    onEnd: (outcome: WindowOutcome, moved: number) => void,
  ): void {
    this.#onEnd = onEnd
    if (this.#addon.copy(this.#id, offset, length)) return
    queueMicrotask(() => {
      this.onWindowEnd('declined', 0)
    })
  }

  get isRunning(): boolean {
    return this.#onEnd !== undefined
  }

  /** Bytes of the window that runs. */
  get moved(): number {
    return this.isRunning ? this.#addon.moved(this.#id) : 0
  }

  get isWaitingForSource(): boolean {
    return this.isRunning && this.#addon.waitsForSource(this.#id)
  }

  /** From the copier. */
  onWindowEnd(outcome: WindowOutcome, moved: number): void {
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.(outcome, moved)
  }

  /** Ends the copy at once; returns what the window that ran has moved. */
  close(): number {
    const { isRunning } = this
    this.#onEnd = undefined
    this.#forget()
    const moved = this.#addon.close(this.#id)
    return isRunning ? moved : 0
  }
}
