import { type Clock, secondsOf } from '../base/clock.ts'
import { ask, type KnownReply, type NodeTerms, renew } from './ask.ts'
import { COMMAND_TIMEOUT_MS } from './client.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Flows } from './flows.ts'
import type { Holding, Holdings } from './holdings.ts'
import type { DividedRates } from './rates.ts'
import type { Script } from './script.ts'
import { SAVE } from './scripts/save.lua.ts'
import { GIVE_BACK, TEND } from './scripts/upkeep.lua.ts'
import { digest, linkBase } from './tags.ts'
import type { Ended, SharedDownload, TrackedDownloads } from './tracked-downloads.ts'

/** What ends is told within this time, together with what else ends in it. */
const FLUSH_MS = 2
/** Downloads that one script call speaks of: the server answers nobody else meanwhile. */
const MAX_BATCH = 100

/** What a node has to keep true on the server. */
export interface Kept {
  readonly holdings: Holdings
  readonly downloads: TrackedDownloads
  readonly flows: Flows
  readonly rates: DividedRates
}

interface UpkeepTerms extends NodeTerms {
  readonly beatMs: number
}

/** Tells the server what ended, soon, and what goes on, with each heartbeat. */
export class Upkeep {
  readonly #connection: ValkeyConnection
  readonly #terms: UpkeepTerms
  readonly #clock: Clock
  readonly #kept: Kept
  readonly #onLost: (download: string) => void
  readonly #heart: NodeJS.Timeout
  readonly #forgetUp: () => void
  #flushTimer: NodeJS.Timeout | undefined
  #beating: Promise<void> | undefined
  #isClosed = false

  constructor(
    connection: ValkeyConnection,
    terms: UpkeepTerms,
    clock: Clock,
    kept: Kept,
    onLost: (download: string) => void,
  ) {
    this.#connection = connection
    this.#terms = terms
    this.#clock = clock
    this.#kept = kept
    this.#onLost = onLost
    this.#heart = setInterval(() => void this.beat(), terms.beatMs)
    this.#forgetUp = connection.onUp(() => void this.beat())
  }

  /** Something ended: it goes out with the next batch. */
  schedule(): void {
    if (this.#isClosed) return
    this.#flushTimer ??= setTimeout(() => void this.flush(), FLUSH_MS)
  }

  /** Sends at once what waits. What a caller sends afterwards is read after it. */
  async flush(): Promise<void> {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    if (!this.#connection.isUp) return
    const { downloads, holdings, flows } = this.#kept
    // what a download used is written before its reservation goes
    const sent = downloads.takeEnded().map((ended) => this.#saveEnded(ended))
    for (const [base, owed] of holdings.takeOwed()) {
      for (const batch of batches(owed)) {
        const list = batch.map(({ holding, counts }) => ({
          download: holding.download,
          counts: Object.fromEntries(counts),
        }))
        sent.push(
          this.#giveBack(
            base,
            list,
            batch.map(({ holding }) => holding),
          ),
        )
      }
    }
    for (const [base, news] of flows.takeNews(false)) sent.push(this.#tell(TEND, base, news))
    await Promise.all(sent)
  }

  /** Renews all that this node holds; one at a time. */
  beat(): Promise<void> {
    if (this.#isClosed || !this.#connection.isUp) return Promise.resolve()
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined
    })
    return this.#beating
  }

  /** Writes what a download got. Rejects when that is not possible now. */
  async save(download: SharedDownload, isDone = false): Promise<void> {
    const { key, etag, size, startedAt, intervals, used, uses, merges, isCurrent } = download
    const base = linkBase(this.#connection.prefix, key.link)
    const reply = await ask(this.#connection, this.#terms, SAVE, base, {
      download: digest(download.text),
      etag,
      size,
      started: startedAt,
      seconds: Math.max(1, download.expires - secondsOf(this.#clock)),
      edges: intervals.edges.join(','),
      used,
      coverage: uses?.coverage,
      isCurrent,
      isDone,
      merges,
      first: download.firstAddress?.text,
    })
    if (!isDone) download.learn(reply as Pick<KnownReply, 'edges' | 'used'>)
  }

  /** Tells nothing any more. */
  close(): void {
    this.#isClosed = true
    this.#forgetUp()
    clearInterval(this.#heart)
    clearTimeout(this.#flushTimer)
  }

  async #beat(): Promise<void> {
    const { holdings, downloads, flows, rates } = this.#kept
    const flushed = this.flush()
    const saved = downloads.takeDirty().map((download) => this.#saveOpen(download))
    const renewed = [...holdings.tags].flatMap(([base, byText]) =>
      batches([...byText.values()]).map((batch) => this.#renew(base, batch)),
    )
    const told = [...flows.takeNews(true)].map(([base, news]) => this.#tell(TEND, base, news))
    await Promise.all([flushed, ...saved, ...renewed, ...told, rates.beat()])
  }

  async #renew(base: string, batch: readonly Holding[]): Promise<void> {
    const askedAt = this.#clock.monotonic()
    // the lease still runs when this arrives
    const freshFrom = askedAt - this.#terms.ttlMs + COMMAND_TIMEOUT_MS
    const list = batch.map((holding) => ({
      download: holding.download,
      isFresh: holding.confirmedAt > freshFrom,
      // an admission on its way counts there and not yet here
      isExact: holding.pending === 0,
      force: holding.isForced,
      counts: [...holding.counts].map(([counted, connections]) => ({
        counted,
        connections,
        max: limitFor(holding, counted),
      })),
    }))
    let answers: unknown
    try {
      answers = await renew(this.#connection, this.#terms, base, list)
    } catch {
      return
    }
    if (!Array.isArray(answers)) return
    let hasForgotten = false
    for (const [i, holding] of batch.entries()) {
      if (answers[i] === 'lost') this.#lose(holding)
      else {
        hasForgotten ||= answers[i] === 'again'
        holding.confirmedAt = askedAt
        holding.isForced = false
        if (list[i]?.isExact) holding.doubtfulUntil = 0
        this.#kept.holdings.tidy(holding, this.#clock.monotonic())
      }
    }
    if (hasForgotten) this.#kept.downloads.markAllDirty()
  }

  #lose(holding: Holding): void {
    holding.isLost = true
    this.#kept.holdings.remove(holding)
    this.#onLost(holding.text)
  }

  async #giveBack(base: string, list: object[], holdings: readonly Holding[]): Promise<void> {
    try {
      await ask(this.#connection, this.#terms, GIVE_BACK, base, { downloads: list })
    } catch {
      const until = this.#clock.monotonic() + this.#terms.ttlMs
      for (const holding of holdings) holding.doubtfulUntil = until
    }
    for (const holding of holdings) this.#kept.holdings.tidy(holding, this.#clock.monotonic())
  }

  async #saveEnded(ended: Ended): Promise<void> {
    try {
      await this.save(ended.download, ended.isDone)
    } catch {
      this.#kept.downloads.keepEnded(ended)
    }
  }

  async #saveOpen(download: SharedDownload): Promise<void> {
    try {
      await this.save(download)
    } catch {
      this.#kept.downloads.markDirty(download)
    }
  }

  /** What is lost of this is said again, or expires. */
  async #tell(script: Script, base: string, news: object): Promise<void> {
    await ask(this.#connection, this.#terms, script, base, news).catch(() => undefined)
  }
}

function limitFor(holding: Holding, counted: string): number {
  const max = holding.limits.get(counted) ?? Infinity
  return max === Infinity ? -1 : max
}

function batches<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / MAX_BATCH) }, (_, i) =>
    list.slice(i * MAX_BATCH, (i + 1) * MAX_BATCH),
  )
}
