import { ByteIntervals } from '../base/intervals.ts'
import type { TrackedDownload } from '../state/link-state.ts'
import type { Allowance, PlainUse, StateCalls } from './calls.ts'

/** How a connection speaks of itself to the primary. */
export interface DownloadTies {
  ask(edges: readonly number[]): Promise<Allowance>
  tell<N extends 'track' | 'count' | 'leave'>(
    name: N,
    more: Omit<Parameters<StateCalls[N]>[0], 'download'>,
  ): void
  /** The connection is gone. */
  onLeave(): void
}

/** One connection of a download in a worker. */
export class WorkerDownload implements TrackedDownload {
  readonly text: string
  readonly #use: PlainUse
  readonly #ties: DownloadTies
  readonly #intervals: ByteIntervals
  /** Counted here, not yet by the primary. */
  #news = new ByteIntervals()
  #allowance: Allowance
  #isKnown: boolean
  #isGone = false

  /** `known` as the primary answered; undefined for a link without limits, of which it was not asked. */
  constructor(
    text: string,
    use: PlainUse,
    ties: DownloadTies,
    known: { readonly edges: readonly number[]; readonly allowance: Allowance } | undefined,
  ) {
    this.text = text
    this.#use = use
    this.#ties = ties
    this.#intervals = new ByteIntervals(known?.edges)
    this.#allowance = known?.allowance ?? UNLIMITED
    this.#isKnown = known !== undefined
    // goes on with an earlier one, or with one that others are at
    if (!known && use.mayResume) this.#introduce()
  }

  get coverage(): number {
    return this.#use.size === 0 ? 1 : this.#intervals.covered / this.#use.size
  }

  /** Whether the primary knows of it, and so of its coverage. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  count(start: number, end: number): Promise<void> | undefined {
    this.#intervals.add(start, end)
    this.#news.add(start, end)
    const { free, used } = this.#allowance
    if (!this.#use.uses || used) return undefined
    const left = free - (end - start)
    if (left >= 0) {
      this.#allowance = { free: left, used }
      return undefined
    }
    return this.#ties.ask(this.#takeNews()).then((allowance) => {
      this.#allowance = allowance
    })
  }

  /** Says what the primary does not know yet: it keeps what must outlive this process. */
  report(): void {
    if (!this.#isKnown) this.#introduce()
    else if (this.#news.covered > 0) this.#ties.tell('count', { edges: this.#takeNews() })
  }

  leave(): void {
    if (this.#isGone) return
    this.#isGone = true
    const isWhole = this.#intervals.covered >= this.#use.size
    if (!this.#isKnown && !isWhole) this.#introduce()
    if (this.#isKnown) this.#ties.tell('leave', { edges: this.#takeNews() })
    this.#ties.onLeave()
  }

  #introduce(): void {
    this.#isKnown = true
    this.#ties.tell('track', { use: this.#use })
  }

  #takeNews(): readonly number[] {
    const { edges } = this.#news
    this.#news = new ByteIntervals()
    return edges
  }
}

const UNLIMITED: Allowance = { free: Infinity, used: false }
