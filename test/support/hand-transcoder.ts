import { writeFileSync } from 'node:fs'
import {
  type MediaInfo,
  type Transcoder,
  TranscodeError,
  type TranscodeJob,
} from '../../src/rendition/transcoder.ts'
import { eventually } from './eventually.ts'

/** A job whose end the test decides. */
export interface HandJob extends TranscodeJob {
  /** Writes the target, and ends well. */
  finish(bytes?: string): void
  fail(reason: string): void
}

/** A transcoder that waits for the test. It ends at once when it is given up, as ffmpeg does. */
export class HandTranscoder implements Transcoder {
  /** All jobs so far, in the order of their beginnings. */
  readonly jobs: HandJob[] = []
  running = 0

  probe(): Promise<MediaInfo | undefined> {
    return Promise.resolve(undefined)
  }

  async make(job: TranscodeJob): Promise<void> {
    const over = Promise.withResolvers<void>()
    const give = (): void => {
      over.reject(new TranscodeError('given up'))
    }
    if (job.signal.aborted) give()
    job.signal.addEventListener('abort', give)
    this.jobs.push({
      ...job,
      finish(bytes = 'made') {
        writeFileSync(job.target, bytes)
        over.resolve()
      },
      fail(reason) {
        over.reject(new TranscodeError(reason))
      },
    })
    this.running++
    try {
      await over.promise
    } finally {
      this.running--
    }
  }

  /** The job number `index`, as soon as it has begun. */
  async job(index: number): Promise<HandJob> {
    await eventually(`${index + 1} jobs begun`, () => this.jobs.length > index)
    const job = this.jobs[index]
    if (!job) throw new Error(`no job ${index}`)
    return job
  }

  /** The first job made of `source`, as soon as it has begun. */
  async jobOf(source: string): Promise<HandJob> {
    let found: HandJob | undefined
    await eventually(`a job of ${source} begun`, () => {
      found = this.jobs.find((job) => job.source === source)
      return found !== undefined
    })
    if (!found) throw new Error(`no job of ${source}`)
    return found
  }
}
