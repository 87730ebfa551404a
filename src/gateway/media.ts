import type { Clock } from '../base/clock.ts'
import type { ApisConfig } from '../config/apis-schema.ts'
import type { Origin } from '../origin/origin.ts'
import { Ffmpeg } from '../rendition/ffmpeg.ts'
import { RenditionQueue } from '../rendition/rendition-queue.ts'
import { TaskRunner } from '../task/task-runner.ts'
import type { ApiParts } from './apis.ts'
import type { GatewayState } from './gateway-state.ts'

export interface MediaOptions {
  readonly config: ApisConfig
  readonly state: Pick<GatewayState, 'catalogue' | 'tasks' | 'coordination' | 'firstCalls'>
  readonly streamKeys: ApiParts['streamKeys']
  readonly origin: (name: string) => Origin | undefined
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void
}

/** The work behind the published APIs: renditions and tasks. */
export interface Media {
  readonly renditions: RenditionQueue
  /** What the APIs themselves work with. */
  readonly apiParts: ApiParts
  /** Goes on with what an earlier process left. */
  resume(): void
  /** Ends running work, to be taken up at the next start. */
  stop(): Promise<void>
}

export function openMedia({ config, state, streamKeys, ...options }: MediaOptions): Media {
  const { catalogue, coordination, firstCalls, tasks: store } = state
  const { clock, log } = options
  const { concurrency, maxBytes } = config.ffmpeg
  const transcoder = new Ffmpeg(config.ffmpeg)
  const target = config.origin
  const shared = { ...options, catalogue, coordination, store }
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
    apiParts: { config, clock, catalogue, renditions, tasks, streamKeys, firstCalls },
    resume() {
      void transcoder.fault().then((fault) => {
        if (fault !== undefined) log('warn', `no rendition can be made: ${fault}`)
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
