import type { Address } from '../base/address.ts'
import type { EpochSeconds } from '../base/clock.ts'
import { ByteIntervals } from '../base/intervals.ts'
import {
  type BeginDownload,
  keyText,
  type KnownDownload,
  type UseTerms,
} from '../state/download-ledger.ts'
import type { TrackedDownload } from '../state/link-state.ts'
import type { KnownReply } from './ask.ts'

/** A download that ended, to be written. */
export interface Ended {
  readonly download: SharedDownload
  /** Nobody needs to know of it any more. */
  readonly isDone: boolean
}

/** How many downloads that ended are remembered while the server is away. */
const MAX_ENDED = 100_000

/** The downloads that run on this node, and those that ended and are not written yet. */
export class TrackedDownloads {
  readonly #open = new Map<string, SharedDownload>()
  readonly #dirty = new Set<SharedDownload>()
  readonly #ended = new Map<string, Ended>()
  readonly #spend: (download: SharedDownload) => Promise<void>
  readonly #onEnd: () => void

  /** `spend` writes a download together with its use; `onEnd` hears that one is to be written. */
  constructor(spend: (download: SharedDownload) => Promise<void>, onEnd: () => void) {
    this.#spend = spend
    this.#onEnd = onEnd
  }

  find(text: string): SharedDownload | undefined {
    const ended = this.#ended.get(text)
    return this.#open.get(text) ?? (ended?.isDone ? undefined : ended?.download)
  }

  /** Joins or opens a download. An object that changed since (another ETag or size) begins anew. */
  begin(
    use: BeginDownload,
    known: KnownDownload | undefined,
    firstAddress: Address | undefined,
  ): SharedDownload {
    const text = keyText(use.key)
    const open = this.#open.get(text)
    if (open?.isOf(use)) {
      open.holders++
      return open
    }
    if (open) open.isCurrent = false
    const before = use.uses || use.mayResume ? (this.find(text) ?? known) : undefined
    const isSame = before?.etag === use.etag && before.size === use.size
    const download = new SharedDownload(text, use, isSame ? before : undefined, firstAddress, {
      spend: () => this.#spend(download),
      change: () => {
        this.markDirty(download)
      },
      settle: () => {
        this.#settle(download)
      },
    })
    this.#open.set(text, download)
    this.#dirty.add(download)
    return download
  }

  /** Open downloads that were not written since they began or grew; they count as written from now on. */
  takeDirty(): readonly SharedDownload[] {
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    return dirty
  }

  markDirty(download: SharedDownload): void {
    if (download.isCurrent && download.holders > 0) this.#dirty.add(download)
  }

  /** Everything that runs has to be written: the server may have forgotten it. */
  markAllDirty(): void {
    for (const download of this.#open.values()) this.markDirty(download)
  }

  takeEnded(): readonly Ended[] {
    if (this.#ended.size === 0) return []
    const ended = [...this.#ended.values()]
    this.#ended.clear()
    return ended
  }

  /** It has to be written, unless something newer of it is known here. */
  keepEnded(ended: Ended): void {
    const { text } = ended.download
    if (this.#open.has(text) || this.#ended.has(text)) return
    this.#ended.set(text, ended)
    if (this.#ended.size <= MAX_ENDED) return
    const [oldest] = this.#ended.keys()
    if (oldest !== undefined) this.#ended.delete(oldest)
  }

  #settle(download: SharedDownload): void {
    this.#dirty.delete(download)
    // the object changed meanwhile: what is kept is of the new one
    if (!download.isCurrent) return
    this.#open.delete(download.text)
    this.#ended.delete(download.text)
    // without an ETag nobody could tell that a resume is of the same object
    const isResumable = !download.isComplete && download.etag !== ''
    const isKept = download.uses !== undefined || isResumable
    if (!isKept && !download.isSaved) return
    this.keepEnded({ download, isDone: !isKept })
    this.#onEnd()
  }
}

interface Changes {
  readonly spend: () => Promise<void>
  readonly change: () => void
  readonly settle: () => void
}

/** A download of which connections are open on this node, and maybe on others. */
export class SharedDownload implements TrackedDownload, KnownDownload {
  readonly text: string
  readonly key: BeginDownload['key']
  readonly etag: string
  readonly size: number
  readonly startedAt: EpochSeconds
  readonly expires: EpochSeconds
  readonly uses: UseTerms | undefined
  /** Where its link was used first, for a server that forgot it. */
  readonly firstAddress: Address | undefined
  /** Whether what others wrote of it counts as well. */
  readonly merges: boolean
  holders = 1
  /** False from when another object has its place. */
  isCurrent = true
  used: boolean
  isSaved: boolean
  #intervals: ByteIntervals
  #spending: Promise<void> | undefined
  readonly #changes: Changes

  constructor(
    text: string,
    use: BeginDownload,
    known: KnownDownload | undefined,
    firstAddress: Address | undefined,
    changes: Changes,
  ) {
    this.text = text
    this.key = use.key
    this.etag = use.etag
    this.size = use.size
    this.expires = use.expires
    this.uses = use.uses
    this.firstAddress = firstAddress
    this.merges = use.uses !== undefined || use.mayResume
    this.startedAt = known?.startedAt ?? use.now
    this.used = known?.used ?? false
    this.isSaved = known !== undefined
    this.#intervals = new ByteIntervals(known?.intervals.edges)
    this.#changes = changes
  }

  get intervals(): ByteIntervals {
    return this.#intervals
  }

  isOf({ etag, size }: Pick<BeginDownload, 'etag' | 'size'>): boolean {
    return this.etag === etag && this.size === size
  }

  get isComplete(): boolean {
    return this.#intervals.covered >= this.size
  }

  get coverage(): number {
    return this.size === 0 ? 1 : this.#intervals.covered / this.size
  }

  count(start: number, end: number): Promise<void> | undefined {
    this.#intervals.add(start, end)
    if (!this.uses) return undefined
    this.#changes.change()
    if (this.used || this.coverage < this.uses.coverage) return undefined
    // bytes that come meanwhile wait for the same answer
    this.#spending ??= this.#changes.spend().finally(() => {
      this.#spending = undefined
    })
    return this.#spending
  }

  leave(): void {
    if (--this.holders === 0) this.#changes.settle()
  }

  /** What the server knows of it by now, from other nodes too. */
  learn(reply: Pick<KnownReply, 'edges' | 'used'>): void {
    this.isSaved = true
    if (reply.used) this.used = true
    if (!this.merges) return
    const edges = readEdges(reply.edges)
    for (let i = 0; i < edges.length; i += 2) this.#intervals.add(edges[i] ?? 0, edges[i + 1] ?? 0)
  }
}

/** A download as the server knows it. */
export function readKnown(reply: KnownReply): KnownDownload {
  return {
    etag: reply.etag,
    size: reply.size,
    startedAt: reply.started,
    intervals: new ByteIntervals(readEdges(reply.edges)),
    used: reply.used,
  }
}

function readEdges(text: string): number[] {
  return text === '' ? [] : text.split(',').map(Number)
}
