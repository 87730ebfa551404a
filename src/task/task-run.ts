import { stat } from 'node:fs/promises'
import { type Clock, secondsOf } from '../base/clock.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { WritableOrigin } from '../origin/writable-origin.ts'
import type { Transcoder } from '../rendition/transcoder.ts'
import { convertSource, type StagedFile } from './convert-source.ts'
import { fetchSource } from './fetch-source.ts'
import { parseQuality } from './quality.ts'
import type { SourceClient } from './source-client.ts'
import type { SourceRule } from './source-rule.ts'
import { type FetchedSource, type Task, TaskError } from './task.ts'
import type { TaskStore } from './task-store.ts'

/** What one task works with. */
export interface TaskRunParts {
  readonly store: TaskStore
  readonly catalogue: Catalogue
  readonly transcoder: Transcoder
  readonly origin: WritableOrigin
  readonly rule: SourceRule
  readonly client: SourceClient
  readonly maxBytes: number
  readonly timeoutSeconds: number
  readonly clock: Clock
}

const SAVE_EVERY_MS = 1000
/** The share of the fetch in the progress where something may have to be made of the source. */
const FETCH_SHARE = 50
/** What running work shows at most. */
const UNFINISHED = 99

/**
 * The work of one task: fetch, convert, publish, register. Each step is recorded before it shows, so
 * that after a crash the same steps lead on from any of them.
 */
export class TaskRun {
  readonly #parts: TaskRunParts
  readonly #superseded = new AbortController()
  #task: Task
  #savedAt = -Infinity
  #saving: Promise<unknown> = Promise.resolve()

  constructor(task: Task, parts: TaskRunParts) {
    this.#task = task
    this.#parts = parts
  }

  /** The task as it is now. */
  get task(): Task {
    return this.#task
  }

  /** The task was removed, or given to another attempt: what is left to do is not this one's. */
  get isSuperseded(): boolean {
    return this.#superseded.signal.aborted
  }

  /** Settles when the task is completed; rejects with what broke, and leaves the task unfinished. */
  async run(given: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([given, this.#superseded.signal])
    try {
      if (!(await this.#isPublished())) {
        const source = await this.#fetch(signal)
        await this.#publish(await this.#convert(source, signal))
      }
      await this.#register()
    } finally {
      await this.#saving
    }
  }

  /** Ends the task with a reason for its caller; what was fetched is thrown away. */
  async fail(error: string): Promise<void> {
    await this.#change({ status: 'failed', error })
    await discardStages(this.#parts.origin, this.#task)
  }

  async #isPublished(): Promise<boolean> {
    const { object, size } = this.#task
    const file = object === undefined ? undefined : await this.#parts.origin.localFile(object)
    return file !== undefined && (await stat(file)).size === size
  }

  async #fetch(signal: AbortSignal): Promise<FetchedSource> {
    const { origin, client, rule, maxBytes, timeoutSeconds } = this.#parts
    const { id, url: text, quality, source: known } = this.#task
    const url = rule.judge(text)
    // what was allowed when the task began may be forbidden after a restart
    if ('refused' in url) throw new TaskError(url.refused)
    if (!known?.isComplete) await this.#change({ status: 'downloading' })
    const share = quality === 'best' ? UNFINISHED : FETCH_SHARE
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000)
    try {
      const source = await fetchSource({
        client,
        origin,
        url,
        folder: folderOf(id),
        known,
        maxBytes,
        onSource: (source) => this.#change({ source, filename: source.filename }),
        onBytes: (count, size) => {
          this.#advance(size === undefined ? 0 : (count / size) * share)
        },
        signal: AbortSignal.any([signal, timeout]),
      })
      await this.#change({ source })
      return source
    } catch (error) {
      if (signal.aborted || !timeout.aborted) throw error
      throw new TaskError(`The fetch took longer than ${timeoutSeconds} seconds`, { cause: error })
    }
  }

  async #convert(source: FetchedSource, signal: AbortSignal): Promise<StagedFile> {
    const { origin, transcoder } = this.#parts
    const { quality: text } = this.#task
    const asItIs: StagedFile = { ...source, staged: await origin.stage(source.object) }
    const quality = parseQuality(text)
    if (!quality) throw new TaskError(`There is no quality ${text}`)
    if (quality.kind === 'best') return asItIs
    await this.#change({ status: 'processing' })
    this.#advance(FETCH_SHARE)
    return convertSource({
      source: asItIs,
      quality,
      folder: folderOf(this.#task.id),
      origin,
      transcoder,
      onPercent: (percent) => {
        this.#advance(FETCH_SHARE + (percent / 100) * (UNFINISHED - FETCH_SHARE))
      },
      signal,
    })
  }

  async #publish({ staged, object, filename }: StagedFile): Promise<void> {
    const { size } = await stat(staged.file)
    await this.#change({ object, filename, size })
    await staged.publish()
  }

  async #register(): Promise<void> {
    const { catalogue, clock, origin } = this.#parts
    const { id, filename, object, createdAt, source } = this.#task
    if (filename === undefined || object === undefined) throw new Error('nothing was published')
    await catalogue.putAsset(
      {
        id,
        filename,
        origin: this.#task.origin,
        object,
        requireSigned: false,
        status: 'ready',
        createdAt,
      },
      [],
    )
    if (source && source.object !== object) await (await origin.stage(source.object)).discard()
    await this.#change({ status: 'completed', progress: 100, completedAt: secondsOf(clock) })
  }

  async #change(change: Partial<Task>): Promise<void> {
    this.#task = { ...this.#task, ...change }
    await this.#save()
  }

  /**
   * Progress never falls, also when a source has to be fetched anew. It is written down without any,
   * too: the store says whether the task is still wanted.
   */
  #advance(percent: number): void {
    const progress = Math.min(UNFINISHED, Math.floor(percent))
    if (progress > this.#task.progress) this.#task = { ...this.#task, progress }
    if (this.#parts.clock.monotonic() - this.#savedAt < SAVE_EVERY_MS) return
    // a state that does not answer now is asked again at the next step, which does not go on without it
    this.#save().catch(() => undefined)
  }

  /** Writes one after the other, in the order of the changes. */
  #save(): Promise<void> {
    const task = this.#task
    this.#savedAt = this.#parts.clock.monotonic()
    const saved = this.#saving.then(() => this.#write(task))
    this.#saving = saved.catch(() => undefined)
    return saved
  }

  async #write(task: Task): Promise<void> {
    if (await this.#parts.store.change(task)) return
    this.#superseded.abort()
    throw new Error('the task was removed, or another attempt goes on with it')
  }
}

/** The folder of a task's files in its origin. */
function folderOf(id: string): string {
  return `downloads/${id}/`
}

/** Throws away what a task has staged. */
export async function discardStages(origin: WritableOrigin, task: Task): Promise<void> {
  for (const name of [task.source?.object, task.object]) {
    if (name !== undefined) await (await origin.stage(name)).discard()
  }
}
