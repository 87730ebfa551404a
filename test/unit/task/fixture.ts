import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { SqliteCatalogue } from '../../../src/catalogue/sqlite-catalogue.ts'
import { FileOrigin } from '../../../src/origin/file-origin.ts'
import { SoleNode } from '../../../src/rendition/sole-node.ts'
import {
  type MediaInfo,
  type Transcoder,
  TranscodeError,
  type TranscodeJob,
} from '../../../src/rendition/transcoder.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import type { Task } from '../../../src/task/task.ts'
import { TaskRunner, type TaskRunnerOptions } from '../../../src/task/task-runner.ts'
import { SqliteTaskStore } from '../../../src/task/sqlite-task-store.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeRenditions } from '../admin/fake-renditions.ts'

/** Says of every file what the test wants, and writes `made FORMAT HEIGHT` as the result. */
export class FakeTranscoder implements Transcoder {
  info: MediaInfo | undefined
  isMissing = false
  /** Runs in place of the making. */
  onMake: ((job: TranscodeJob) => Promise<void>) | undefined
  readonly jobs: TranscodeJob[] = []

  async probe(): Promise<MediaInfo | undefined> {
    if (this.isMissing) throw new TranscodeError('no program')
    return this.info
  }

  async make(job: TranscodeJob): Promise<void> {
    this.jobs.push(job)
    await this.onMake?.(job)
    writeFileSync(job.target, `made ${job.format} ${job.maxHeight}`)
  }
}

/** A state and an origin that one runner after the other works on. */
export class TaskFixture {
  readonly root = mkdtempSync(join(tmpdir(), 'sluice-tasks-'))
  readonly database: DatabaseSync = openMemoryDatabase()
  readonly catalogue = new SqliteCatalogue(this.database)
  readonly store = new SqliteTaskStore(this.database)
  readonly origin = new FileOrigin({ root: this.root })
  readonly renditions = new FakeRenditions()
  readonly transcoder = new FakeTranscoder()
  readonly clock = new FakeClock()
  readonly logged: string[] = []
  readonly #runners: TaskRunner[] = []

  runner(options: Partial<TaskRunnerOptions> = {}): TaskRunner {
    const runner = new TaskRunner({
      store: this.store,
      coordination: new SoleNode(),
      catalogue: this.catalogue,
      renditions: this.renditions,
      transcoder: this.transcoder,
      origin: (name) => (name === 'library' ? this.origin : undefined),
      target: 'library',
      allowedHosts: [],
      allowPrivateAddresses: true,
      concurrency: 4,
      timeoutSeconds: 60,
      maxBytes: 10_000_000,
      clock: this.clock,
      log: (level, message) => this.logged.push(`${level} ${message}`),
      ...options,
    })
    this.#runners.push(runner)
    return runner
  }

  /** The bytes of a published object; undefined when there is none. */
  async read(object: string | undefined): Promise<Buffer | undefined> {
    const file = object === undefined ? undefined : await this.origin.localFile(object)
    return file === undefined ? undefined : readFile(file)
  }

  async close(): Promise<void> {
    for (const runner of this.#runners) await runner.stop()
    this.database.close()
    rmSync(this.root, { recursive: true })
  }
}

/** Starts a task that must be accepted. */
export async function started(runner: TaskRunner, url: string, quality = 'best'): Promise<Task> {
  const task = await runner.start(url, quality)
  if ('refused' in task) throw new Error(task.refused)
  return task
}

/** The task as soon as the condition holds. */
export async function until(
  runner: TaskRunner,
  id: string,
  what: string,
  holds: (task: Task) => boolean,
): Promise<Task> {
  let task: Task | undefined
  await eventually(what, async () => {
    task = await runner.find(id)
    return task !== undefined && holds(task)
  })
  return task as Task
}

/** The task at its end. */
export function ended(runner: TaskRunner, id: string): Promise<Task> {
  return until(runner, id, 'ended', ({ status }) => status === 'completed' || status === 'failed')
}
