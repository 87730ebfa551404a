import { randomUUID } from 'node:crypto'
import { type Clock, secondsOf } from '../base/clock.ts'
import { type FailureCode, GatewayError, messageOf } from '../base/failure.ts'
import { isPublicAddress } from '../base/special-addresses.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { Origin } from '../origin/origin.ts'
import { isWritable, type WritableOrigin } from '../origin/writable-origin.ts'
import type { Coordination } from '../rendition/coordination.ts'
import type { RenditionDesk } from '../rendition/rendition-desk.ts'
import type { Transcoder } from '../rendition/transcoder.ts'
import { WorkQueue } from '../rendition/work-queue.ts'
import { parseQuality } from './quality.ts'
import { type Resolve, SourceClient } from './source-client.ts'
import { SourceRule } from './source-rule.ts'
import { isUnfinished, type Task, type TaskDesk, TaskError } from './task.ts'
import { discardStages, TaskRun } from './task-run.ts'
import type { TaskStore } from './task-store.ts'

export interface TaskRunnerOptions {
  readonly store: TaskStore
  /** What tells which node works on what. */
  readonly coordination: Coordination
  readonly catalogue: Catalogue
  readonly renditions: RenditionDesk
  readonly transcoder: Transcoder
  /** The origins in force, by name. */
  readonly origin: (name: string) => Origin | undefined
  /** The name of the writable origin that files are put into. */
  readonly target: string
  readonly allowedHosts: readonly string[]
  readonly allowPrivateAddresses: boolean
  readonly concurrency: number
  readonly timeoutSeconds: number
  readonly maxBytes: number
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
  /** Looks host names up; the system's look-up if it is not given. */
  readonly resolve?: Resolve
}

/** What a caller reads of a failed source: what it answered inside stays with the operator. */
const SOURCE_FAILURES = {
  ERR_ORIGIN_UNREACHABLE: 'The source cannot be reached',
  ERR_ORIGIN_RESPONSE: 'The source gave an answer that is not valid',
  ERR_ORIGIN_REDIRECT: 'The source leads to a place that nothing is fetched from',
  ERR_ORIGIN_READ: 'The source ended before the file did',
  ERR_ORIGIN_TIMEOUT: 'The source was silent for too long',
  ERR_ORIGIN_WRITE: 'The file cannot be stored',
} as const satisfies { readonly [C in FailureCode]?: string }

const SWEEP_MS = 30_000

/** Fetches the sources of tasks, some at a time, each on one node; what a crash interrupted goes on. */
export class TaskRunner implements TaskDesk {
  readonly #options: TaskRunnerOptions
  readonly #store: TaskStore
  readonly #rule: SourceRule
  readonly #client: SourceClient
  readonly #work: WorkQueue
  /** Those that work now: they know more than the store. */
  readonly #runs = new Map<string, TaskRun>()
  #sweeping: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: TaskRunnerOptions) {
    this.#options = options
    this.#store = options.store
    const mayUse = options.allowPrivateAddresses ? () => true : isPublicAddress
    this.#rule = new SourceRule(options.allowedHosts, mayUse)
    this.#client = new SourceClient(this.#rule, options.resolve)
    this.#work = new WorkQueue(options.concurrency)
  }

  /** Goes on with what an earlier process left, and from now on with what other nodes leave. */
  resume(): void {
    this.#sweepInBackground()
    this.#timer = setInterval(() => {
      this.#sweepInBackground()
    }, SWEEP_MS)
    this.#timer.unref()
  }

  async start(url: string, quality: string): Promise<Task | { readonly refused: string }> {
    const judged = this.#rule.judge(url)
    if ('refused' in judged) return judged
    if (!parseQuality(quality)) return { refused: `There is no quality ${quality}` }
    const task: Task = {
      id: randomUUID(),
      url,
      quality,
      status: 'pending',
      progress: 0,
      createdAt: secondsOf(this.#options.clock),
      origin: this.#options.target,
    }
    await this.#store.add(task)
    this.#add(task.id)
    return task
  }

  /** Ends running work, to be taken up at the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#work.stop()
    await this.#sweeping
  }

  async list(): Promise<Task[]> {
    return (await this.#store.all()).map((task) => this.#runs.get(task.id)?.task ?? task)
  }

  async find(id: string): Promise<Task | undefined> {
    return this.#runs.get(id)?.task ?? this.#store.find(id)
  }

  async remove(id: string): Promise<boolean> {
    await this.#work.cancel(id)
    await this.#options.coordination.end(claimOf(id))
    const task = await this.#store.take(id, randomUUID())
    if (!task) return false
    // a crash between these steps leaves a task that can be removed again
    await this.#options.renditions.forget(id)
    await this.#options.catalogue.removeAsset(id)
    const origin = this.#originOf(task)
    if (!origin) throw new GatewayError('ERR_ORIGIN_WRITE', `no writable origin ${task.origin}`)
    await discardStages(origin, task)
    if (task.object !== undefined) await origin.remove(task.object)
    await this.#store.remove(id)
    return true
  }

  #add(id: string): void {
    this.#work.add(id, async (signal) => {
      try {
        await this.#options.coordination.claim(claimOf(id), signal, (held) => this.#try(id, held))
      } catch (error) {
        this.#options.log('error', `task ${id} could not be ended: ${detailOf(error)}`)
      }
    })
  }

  /** What another node has ended or removed meanwhile stays as it is. */
  async #try(id: string, signal: AbortSignal): Promise<void> {
    const found = await this.#store.find(id)
    const task = found && isUnfinished(found) && (await this.#store.take(id, randomUUID()))
    if (task) await this.#run(task, signal)
  }

  async #run(task: Task, signal: AbortSignal): Promise<void> {
    const { log } = this.#options
    const origin = this.#originOf(task)
    if (!origin) {
      log('error', `task ${task.id} failed: no writable origin ${task.origin}`)
      await this.#store.change({
        ...task,
        status: 'failed',
        error: SOURCE_FAILURES.ERR_ORIGIN_WRITE,
      })
      return
    }
    const run = new TaskRun(task, {
      ...this.#options,
      store: this.#store,
      rule: this.#rule,
      client: this.#client,
      origin,
    })
    this.#runs.set(task.id, run)
    try {
      await run.run(signal)
      log('info', `task ${task.id} is completed`)
    } catch (error) {
      // stopped, removed or taken over: a task that goes on later, elsewhere, or not at all
      if (signal.aborted || run.isSuperseded) return
      log('warn', `task ${task.id} failed: ${detailOf(error)}`)
      await run.fail(textOf(error))
    } finally {
      this.#runs.delete(task.id)
    }
  }

  #sweepInBackground(): void {
    this.#sweeping ??= this.#sweep()
      .catch((error: unknown) => {
        this.#options.log('error', `tasks cannot be looked after: ${messageOf(error)}`)
      })
      .finally(() => {
        this.#sweeping = undefined
      })
  }

  async #sweep(): Promise<void> {
    for (const { id } of await this.#store.unfinished()) this.#add(id)
  }

  /** Undefined when a reload has taken the origin away. */
  #originOf(task: Task): WritableOrigin | undefined {
    const origin = this.#options.origin(task.origin)
    return origin && isWritable(origin) ? origin : undefined
  }
}

function claimOf(id: string): string {
  return `task:${id}`
}

/** For the caller. */
function textOf(error: unknown): string {
  if (error instanceof TaskError) return error.message
  const texts: { readonly [C in FailureCode]?: string } = SOURCE_FAILURES
  const known = error instanceof GatewayError ? texts[error.code] : undefined
  return known ?? 'The gateway failed'
}

/** For the operator, with what lies behind it. */
function detailOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(cause)}`
}
