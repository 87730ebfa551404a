import { parseAddress } from '../base/address.ts'
import type { ByteIntervals } from '../base/intervals.ts'
import { refuse } from '../base/refusal.ts'
import type {
  DownloadUse,
  LinkQuestion,
  LinkSession,
  TrackedDownload,
} from '../state/link-state.ts'
import type { EmbeddedLinkState } from '../state/embedded-link-state.ts'
import type { Allowance, PlainUse, StateCalls } from './calls.ts'
import type { Allowances } from './allowances.ts'
import type { Coverages } from './coverages.ts'
import { isSame, type LinkSnapshot, snapshotOf } from './link-snapshot.ts'

interface Held {
  readonly question: LinkQuestion
  readonly session: LinkSession
}

interface Tracked {
  readonly download: TrackedDownload
  /** The session that finds it in the ledger. */
  readonly session: LinkSession
  readonly use: PlainUse
}

export interface HeldForWorkerOptions {
  readonly state: EmbeddedLinkState
  readonly allowances: Allowances
  readonly coverages: Coverages
}

/** What the primary holds in the name of one worker; it is all given back when that is gone. */
export class HeldForWorker {
  readonly #options: HeldForWorkerOptions
  readonly #sessions = new Map<number, Held>()
  readonly #downloads = new Map<number, Tracked>()

  constructor(options: HeldForWorkerOptions) {
    this.#options = options
  }

  /** The worker's calls. */
  get calls(): Pick<StateCalls, 'open' | 'release' | 'begin' | 'track' | 'count' | 'leave'> {
    return {
      open: ({ session, question }) => {
        const opened = this.#options.state.open(question)
        const snapshot = snapshotOf(opened, question)
        // without a place there is nothing to give back, but a use may still begin
        this.#sessions.set(session, { question, session: opened })
        return { place: opened.place, snapshot }
      },
      release: ({ session }) => {
        this.#sessions.get(session)?.session.release()
        this.#sessions.delete(session)
      },
      begin: (argument) => this.#begin(argument),
      track: ({ download, use }) => {
        const question = { ...NO_QUESTION, download: use.key, now: use.now }
        const session = this.#options.state.open(question)
        this.#enter(download, { session, use, download: this.#began(session, use) })
      },
      count: ({ download, edges }) => {
        const tracked = this.#downloads.get(download)
        return tracked ? this.#count(download, tracked, edges) : SPENT
      },
      leave: ({ download, edges }) => {
        const tracked = this.#downloads.get(download)
        if (!tracked) return
        this.#count(download, tracked, edges)
        this.#leave(download, tracked)
      },
    }
  }

  /** The worker is gone. */
  release(): void {
    for (const [id, tracked] of this.#downloads) this.#leave(id, tracked)
    for (const { session } of this.#sessions.values()) session.release()
    this.#sessions.clear()
  }

  /** Begins only if nothing changed that the worker's verdict was made of. */
  #begin({ session: id, download, use, verdict, snapshot }: Parameters<StateCalls['begin']>[0]) {
    const held = this.#sessions.get(id)
    if (!held) throw new Error('a session that is over')
    let now: LinkSnapshot = snapshot
    const begun = this.#options.state.begin(held.session, {
      ...plainToUse(use),
      judge: (session) => {
        now = snapshotOf(session, held.question)
        return isSame(now, snapshot) ? { outcome: verdict } : CHANGED
      },
    })
    if (begun.outcome === 'refused') return { outcome: 'changed', snapshot: now } as const
    const tracked = { session: held.session, use, download: begun.download }
    this.#enter(download, tracked)
    const edges = [...(this.#intervalsOf(tracked)?.edges ?? [])]
    const allowance = this.#allow(download, tracked)
    return { outcome: 'begun', edges, allowance } as const
  }

  #began(session: LinkSession, use: PlainUse): TrackedDownload {
    const judge = (): { outcome: 'uncounted' } => ({ outcome: 'uncounted' })
    const begun = this.#options.state.begin(session, { ...plainToUse(use), judge })
    if (begun.outcome === 'refused') throw new Error('nobody refused it')
    return begun.download
  }

  #enter(id: number, tracked: Tracked): void {
    this.#downloads.set(id, tracked)
  }

  #count(id: number, tracked: Tracked, edges: readonly number[]): Allowance {
    const { download, use } = tracked
    let bytes = 0
    for (let i = 0; i < edges.length; i += 2) {
      const [start = 0, end = 0] = edges.slice(i, i + 2)
      void download.count(start, end)
      bytes += end - start
    }
    this.#options.coverages.put(download.text, download.coverage)
    if (!use.uses) return SPENT
    this.#options.allowances.take(download.text, this.#member(id), bytes)
    return this.#allow(id, tracked)
  }

  /** What may be sent before it is counted here, so that all workers together make no use unseen. */
  #allow(id: number, { session, download, use }: Tracked): Allowance {
    if (!use.uses || session.known?.used === true) return SPENT
    const { size, uses } = use
    const needed = Math.ceil(size * uses.coverage) - 1
    const covered = session.known?.intervals.covered ?? 0
    const free = this.#options.allowances.give(download.text, this.#member(id), needed - covered)
    return { free, used: false }
  }

  #leave(id: number, { download }: Tracked): void {
    this.#options.allowances.end(download.text, this.#member(id))
    this.#downloads.delete(id)
    download.leave()
  }

  #intervalsOf({ session, use }: Tracked): ByteIntervals | undefined {
    const { known } = session
    return known?.etag === use.etag && known.size === use.size ? known.intervals : undefined
  }

  /** One connection of this worker, among those of all. */
  #member(id: number): object {
    return this.#downloads.get(id) ?? this
  }
}

const SPENT: Allowance = { free: Infinity, used: true }
const CHANGED = {
  outcome: 'refused',
  refusal: refuse('too_many_downloads', 'others came first'),
} as const
const NO_QUESTION: Omit<LinkQuestion, 'download' | 'now'> = {
  place: undefined,
  uses: undefined,
  wantsFirstAddress: false,
  wantsDownload: false,
  sightings: [],
}

function plainToUse({ pin, ...use }: PlainUse): Omit<DownloadUse, 'judge'> {
  return { ...use, pin: pin === undefined ? undefined : parseAddress(pin) }
}
