import cluster from 'node:cluster'
import { GatewayError, messageOf } from '../base/failure.ts'
import type {
  KeyedDownload,
  PrimaryCalls,
  WorkerCalls,
  WorkerFigures,
  WorkerStart,
} from './calls.ts'
import type { Channel } from './channel.ts'
import type { DownloadsOfWorkers } from './crew-live-view.ts'
import { WorkerProcess } from './worker-process.ts'

/** A worker that ends sooner than this after its start is not replaced at once. */
const SOON_MS = 5000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** One that does not answer for so long is not waited for. */
const PATIENCE_MS = 2000
/** One that does not do for so long what must hold everywhere stands still: it ends, and is replaced. */
const LIMIT_MS = 10_000
/** The same for loading all files, however large its lists are. */
const LOAD_LIMIT_MS = 60_000

/** The primary's side of one worker. */
export interface Member {
  readonly slot: number
  readonly channel: Channel<PrimaryCalls, WorkerCalls>
  readonly figures: WorkerFigures
}

/** What the primary does for one worker, and what it does when that is gone. */
export interface MemberService {
  readonly calls: Omit<PrimaryCalls, 'figures'>
  release(): void
}

export interface CrewOptions {
  readonly count: number
  /** The program of a worker. */
  readonly program: string
  readonly start: (slot: number) => WorkerStart
  readonly serve: (member: Member) => MemberService
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
}

interface Entry extends Member {
  readonly process: WorkerProcess
  figures: WorkerFigures
  isServing: boolean
}

const NO_FIGURES: WorkerFigures = { openDownloads: 0, heldHere: 0, certificateEnd: undefined }

/** The worker processes that serve the public port. Who dies is replaced. */
export class Crew implements DownloadsOfWorkers {
  readonly #options: CrewOptions
  readonly #members = new Set<Entry>()
  readonly #pauses = new Map<number, number>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #lost = 0
  #isEnding = false

  constructor(options: CrewOptions) {
    this.#options = options
    // the listening socket stays with the primary: a worker that dies takes no waiting connection with it
    cluster.schedulingPolicy = cluster.SCHED_NONE
    cluster.setupPrimary({ exec: options.program, args: [], serialization: 'advanced' })
  }

  /** Starts all workers; gives the public URL. */
  async start(): Promise<string> {
    const { count } = this.#options
    const urls = await Promise.all(Array.from({ length: count }, (_, i) => this.#fork(i + 1)))
    return urls[0] ?? ''
  }

  /** Workers that serve now. */
  get serving(): number {
    return this.#serving.length
  }

  /** Workers that ended without being told to. */
  get lost(): number {
    return this.#lost
  }

  get count(): number {
    return this.#sum(({ openDownloads }) => openDownloads)
  }

  /** Connections that hold a place of which only a worker knows. */
  get heldThere(): number {
    return this.#sum(({ heldHere }) => heldHere)
  }

  /** Epoch milliseconds at which the first certificate of a worker expires; undefined without TLS. */
  get certificateEnd(): number | undefined {
    const ends = [...this.#members].flatMap(({ figures }) => figures.certificateEnd ?? [])
    return ends.length > 0 ? Math.min(...ends) : undefined
  }

  /** Asks every worker that serves. Those that are gone or stand still answer nothing. */
  async all<N extends keyof WorkerCalls>(
    name: N,
    argument: Parameters<WorkerCalls[N]>[0],
  ): Promise<Awaited<ReturnType<WorkerCalls[N]>>[]> {
    const answers = await Promise.allSettled(
      this.#serving.map(({ channel }) => within(PATIENCE_MS, channel.ask(name, argument as never))),
    )
    return answers.flatMap((answer) =>
      answer.status === 'fulfilled' ? [answer.value as Awaited<ReturnType<WorkerCalls[N]>>] : [],
    )
  }

  /** Those that start hear of it behind their start. */
  tellAll<N extends keyof WorkerCalls>(name: N, argument: Parameters<WorkerCalls[N]>[0]): void {
    for (const { channel } of this.#members) channel.tell(name, argument as never)
  }

  /**
   * Holds in every worker that serves when it resolves. A worker that does not take it ends, and what
   * replaces it begins with it; one that starts takes it before it serves.
   */
  async everywhere<N extends keyof WorkerCalls>(
    name: N,
    argument: Parameters<WorkerCalls[N]>[0],
  ): Promise<void> {
    const taken = [...this.#members].flatMap((entry) => {
      const asked = entry.channel.ask(name, argument as never)
      const done = entry.isServing ? within(LIMIT_MS, asked) : asked
      const judged = done.catch((error: unknown) => {
        this.#end(entry, `did not take "${name}"`, error)
      })
      return entry.isServing ? [judged] : []
    })
    await Promise.all(taken)
  }

  async list(): Promise<readonly KeyedDownload[]> {
    return (await this.all('downloads', undefined)).flat()
  }

  async end(key: string, detail: string): Promise<number> {
    return sumOf(await this.all('endDownload', { key, detail }))
  }

  async endRevoked(revocation: Parameters<WorkerCalls['endRevoked']>[0]): Promise<string[]> {
    return (await this.all('endRevoked', revocation)).flat()
  }

  /** Loads the files in every worker, which then waits to `use` or to `discard` them. Fails with the first fault. */
  async prepare(again: boolean, digest: string): Promise<void> {
    const faults = await Promise.all(
      this.#serving.map(async (entry) => {
        try {
          const loaded = await within(LOAD_LIMIT_MS, entry.channel.ask('prepare', { again }))
          return loaded === digest ? [] : ['the files changed while they were loaded']
        } catch (error) {
          // what replaces one that died meanwhile loads anew
          if (isGone(error)) return []
          if (!(error instanceof NoAnswer)) return [messageOf(error)]
          this.#end(entry, 'did not load the files', error)
          return []
        }
      }),
    )
    const [fault] = faults.flat()
    if (fault !== undefined) throw new Error(fault)
  }

  /** Lets all downloads end, at most for so long, and the workers with them. */
  async drain(seconds: number): Promise<void> {
    this.#isEnding = true
    for (const timer of this.#timers) clearTimeout(timer)
    const members = [...this.#members]
    await Promise.allSettled(
      members.map(({ channel }) =>
        within(seconds * 1000 + LIMIT_MS, channel.ask('drain', { seconds })),
      ),
    )
    for (const { process } of members) process.disconnect()
    const limit = setTimeout(() => {
      for (const { process } of members) process.kill()
    }, PATIENCE_MS)
    await Promise.all(members.map(({ process }) => process.ended))
    clearTimeout(limit)
  }

  get #serving(): readonly Entry[] {
    return [...this.#members].filter(({ isServing }) => isServing)
  }

  #end({ slot, process }: Entry, why: string, error: unknown): void {
    process.kill()
    if (isGone(error) || this.#isEnding) return
    this.#options.log('error', `worker ${slot} ${why}, and is ended: ${messageOf(error)}`)
  }

  /** Gives the public URL; fails with what the worker said of its start. */
  async #fork(slot: number): Promise<string> {
    const startedAt = performance.now()
    const { log, serve, start } = this.#options
    const process: WorkerProcess = new WorkerProcess({
      calls: () => calls,
      onFailure: (error) => {
        log('error', `worker ${slot}: ${messageOf(error.cause ?? error)}`)
      },
    })
    const { channel } = process
    const entry: Entry = { slot, channel, process, figures: NO_FIGURES, isServing: false }
    const service = serve(entry)
    const calls: PrimaryCalls = {
      ...service.calls,
      figures: (figures) => {
        entry.figures = figures
      },
    }
    void process.ended.then((how) => {
      service.release()
      this.#members.delete(entry)
      if (!entry.isServing || this.#isEnding) return
      this.#lost++
      log('error', `worker ${slot} ended with ${how}; it is replaced`)
      this.#replace(slot, performance.now() - startedAt)
    })
    try {
      // what changes from now on comes behind its start
      this.#members.add(entry)
      const url = await channel.ask('start', start(slot))
      entry.isServing = true
      return url
    } catch (error) {
      process.kill()
      throw error
    }
  }

  /** At once, unless the one before ended soon after its start: then later and later. */
  #replace(slot: number, livedMs: number): void {
    const before = livedMs < SOON_MS ? (this.#pauses.get(slot) ?? 0) : 0
    const pause = livedMs < SOON_MS ? before : 0
    this.#pauses.set(slot, Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, before * 2)))
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#fork(slot).catch((error: unknown) => {
        if (this.#isEnding) return
        this.#options.log('error', `worker ${slot} does not start: ${messageOf(error)}`)
        this.#replace(slot, 0)
      })
    }, pause)
    this.#timers.add(timer)
  }

  #sum(of: (figures: WorkerFigures) => number): number {
    return sumOf([...this.#members].map(({ figures }) => of(figures)))
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

function isGone(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'ERR_STATE_UNAVAILABLE'
}

/** The other side may yet do what it was asked for. */
class NoAnswer extends Error {}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new NoAnswer(`no answer within ${milliseconds / 1000} s`))
    }, milliseconds)
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer)
    })
  })
}
