import type { Clock } from '../base/clock.ts'
import type { Catalogue } from '../catalogue/catalogue.ts'
import type { ApisConfig } from '../config/apis-schema.ts'
import type { Origin } from '../origin/origin.ts'
import type { Coordination } from '../rendition/coordination.ts'
import { Ffmpeg } from '../rendition/ffmpeg.ts'
import { RenditionQueue } from '../rendition/rendition-queue.ts'
import { TaskRunner } from '../task/task-runner.ts'
import type { TaskStore } from '../task/task-store.ts'

export interface MediaOptions {
  readonly config: ApisConfig
  readonly catalogue: Catalogue
  readonly store: TaskStore
  readonly coordination: Coordination
  readonly origin: (name: string) => Origin | undefined
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
}

/** The work behind the published APIs: renditions and tasks. */
export interface Media {
  readonly renditions: RenditionQueue
  readonly tasks: TaskRunner
  /** Goes on with what an earlier process left. */
  resume(): void
  /** Ends running work, to be taken up at the next start. */
  stop(): Promise<void>
}

export function buildMedia(options: MediaOptions): Media {
  const { config, ...shared } = options
  const { concurrency, maxBytes } = config.ffmpeg
  const transcoder = new Ffmpeg(config.ffmpeg)
  const target = config.origin
  const renditions = new RenditionQueue({ ...shared, transcoder, target, concurrency, maxBytes })
  const tasks = new TaskRunner({
    ...shared,
    ...(config.tasks ?? NO_TASKS),
    transcoder,
    target,
    renditions,
  })
  return {
    renditions,
    tasks,
    resume() {
      void transcoder.fault().then((fault) => {
        if (fault !== undefined) shared.log('warn', `no rendition can be made: ${fault}`)
      })
      renditions.resume()
      if (config.tasks) tasks.resume()
    },
    async stop() {
      await Promise.all([renditions.stop(), tasks.stop()])
    },
  }
}

/** Of an API that is off nothing is fetched. */
const NO_TASKS = {
  allowedHosts: [],
  allowPrivateAddresses: false,
  concurrency: 1,
  timeoutSeconds: 1,
  maxBytes: 1,
}
