import { readdirSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { MediaInfo } from '../../../src/rendition/transcoder.ts'
import type { Task } from '../../../src/task/task.ts'
import type { TaskRunner } from '../../../src/task/task-runner.ts'
import { SourceServer } from '../../support/source-server.ts'
import { ended, started, TaskFixture, until } from './fixture.ts'

const FILE = Buffer.from('the source')

const FILM: MediaInfo = {
  container: 'matroska,webm',
  duration: 10,
  video: { codec: 'h264', width: 1280, height: 720 },
  audio: { codec: 'aac' },
}
const SILENT: MediaInfo = { ...FILM, audio: undefined }
const SOUND: MediaInfo = { ...FILM, container: 'mov,mp4,m4a,3gp,3g2,mj2', video: undefined }

let source: SourceServer
let fixture: TaskFixture

beforeAll(async () => {
  source = await SourceServer.start()
  source.files.set('/film.mkv', { content: FILE, etag: '"v1"' })
})

beforeEach(() => {
  fixture = new TaskFixture()
  source.requests.length = 0
})

afterEach(() => fixture.close())

afterAll(() => source.stop())

const runner = (): TaskRunner => fixture.runner({ allowedHosts: [source.host] })

async function fetched(quality: string): Promise<Task> {
  const one = runner()
  const { id } = await started(one, source.url('/film.mkv'), quality)
  const task = await ended(one, id)
  // what a failed task leaves is thrown away after it shows as failed
  await one.stop()
  return task
}

describe('a quality', () => {
  test.each([
    ['best', FILM],
    ['720p', FILM],
    ['1080p', FILM],
    ['144p', SOUND],
    ['144p', undefined],
    ['audio', SOUND],
    ['audio', undefined],
  ])('%s leaves the file as it is where it is that already', async (quality, info) => {
    fixture.transcoder.info = info
    const task = await fetched(quality)
    expect(task).toMatchObject({ status: 'completed', filename: 'film.mkv', size: FILE.length })
    expect(await fixture.read(task.object)).toEqual(FILE)
    expect(fixture.transcoder.jobs).toEqual([])
  })

  test('that is a height makes a lower picture', async () => {
    fixture.transcoder.info = FILM
    const task = await fetched('144p')
    expect(task).toMatchObject({ status: 'completed', filename: 'film.mp4' })
    expect(String(await fixture.read(task.object))).toBe('made mp4 144')
    expect(await fixture.catalogue.asset(task.id)).toMatchObject({ filename: 'film.mp4' })
    expect(readdirSync(`${fixture.root}/downloads/${task.id}`)).toEqual(['film-144p.mp4'])
  })

  test('audio takes the sound alone', async () => {
    fixture.transcoder.info = FILM
    const task = await fetched('audio')
    expect(task).toMatchObject({ status: 'completed', filename: 'film.m4a' })
    expect(String(await fixture.read(task.object))).toBe('made m4a undefined')
  })

  test('audio of a film without sound fails', async () => {
    fixture.transcoder.info = SILENT
    expect(await fetched('audio')).toMatchObject({
      status: 'failed',
      error: 'The source has no sound',
    })
  })

  test('that no program can make fails, and best needs none', async () => {
    fixture.transcoder.isMissing = true
    expect(await fetched('best')).toMatchObject({ status: 'completed' })
    const task = await fetched('144p')
    expect(task).toMatchObject({
      status: 'failed',
      error: 'There is no program here that could make the quality asked for',
    })
    expect(readdirSync(`${fixture.root}/downloads/${task.id}`)).toEqual([])
  })

  test('that cannot be made fails and leaves no file', async () => {
    fixture.transcoder.info = FILM
    fixture.transcoder.onMake = async () => Promise.reject(new Error('broken'))
    const task = await fetched('144p')
    expect(task).toMatchObject({ status: 'failed', error: expect.stringMatching(/converted/) })
    expect(readdirSync(`${fixture.root}/downloads/${task.id}`)).toEqual([])
    expect(fixture.logged.join()).toContain('broken')
  })
})

describe('a conversion', () => {
  const endsWith = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('ended'))
      })
    })

  test('shows its progress behind that of the fetch, and never 100', async () => {
    fixture.transcoder.info = FILM
    fixture.transcoder.onMake = ({ onProgress, signal }) => {
      onProgress(100)
      return endsWith(signal)
    }
    const one = runner()
    const { id } = await started(one, source.url('/film.mkv'), '144p')
    await until(
      one,
      id,
      'processing',
      ({ status, progress }) => status === 'processing' && progress === 99,
    )
  })

  test('that was interrupted is made again of the source that lies there', async () => {
    fixture.transcoder.info = FILM
    fixture.transcoder.onMake = ({ signal }) => endsWith(signal)
    const first = runner()
    const { id } = await started(first, source.url('/film.mkv'), '144p')
    await until(first, id, 'in work', () => fixture.transcoder.jobs.length === 1)
    await first.stop()
    expect(await fixture.store.find(id)).toMatchObject({ status: 'processing' })
    fixture.transcoder.onMake = undefined
    const next = runner()
    next.resume()
    const task = await ended(next, id)
    expect(task).toMatchObject({ status: 'completed' })
    expect(String(await fixture.read(task.object))).toBe('made mp4 144')
    expect(source.requests).toHaveLength(1)
  })
})
