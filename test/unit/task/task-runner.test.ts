import { randomBytes } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Task } from '../../../src/task/task.ts'
import type { TaskRunner } from '../../../src/task/task-runner.ts'
import { eventually } from '../../support/eventually.ts'
import { noSuchFile, SourceServer } from '../../support/source-server.ts'
import { ended, started, TaskFixture, until } from './fixture.ts'

const FILE = randomBytes(200_000)
const OTHER = randomBytes(150_000)

let source: SourceServer
let fixture: TaskFixture

beforeAll(async () => {
  source = await SourceServer.start()
})

beforeEach(() => {
  fixture = new TaskFixture()
  source.files.clear()
  source.requests.length = 0
  source.answer = noSuchFile
})

afterEach(() => fixture.close())

afterAll(() => source.stop())

const runner = (options = {}): TaskRunner =>
  fixture.runner({ allowedHosts: [source.host], ...options })

/** Fetches the first half of a file, stops there, and leaves the rest to another runner. */
async function halfFetched(etag: string | undefined): Promise<Task> {
  source.answer = (_, response) => {
    response.writeHead(200, { 'content-length': FILE.length, ...(etag && { etag }) })
    response.write(FILE.subarray(0, FILE.length / 2))
  }
  const first = runner()
  const { id } = await started(first, source.url('/a.bin'))
  await until(first, id, 'half', ({ progress }) => progress >= 49)
  await first.stop()
  const task = await fixture.store.find(id)
  expect(task).toMatchObject({ status: 'downloading', source: { size: FILE.length } })
  source.requests.length = 0
  source.bytes = 0
  return task as Task
}

async function resumed(id: string): Promise<Task> {
  const next = runner()
  next.resume()
  return ended(next, id)
}

const objectOf = (id: string): string => `downloads/${id}/a.bin`

describe('a fetch that was interrupted', () => {
  test('goes on where it stopped, if the source knows its version', async () => {
    const { id } = await halfFetched('"v1"')
    source.files.set('/a.bin', { content: FILE, etag: '"v1"' })
    expect(await resumed(id)).toMatchObject({ status: 'completed', size: FILE.length })
    expect(source.requests).toEqual([
      { url: '/a.bin', range: `bytes=${FILE.length / 2}-`, ifRange: '"v1"' },
    ])
    expect(source.bytes).toBe(FILE.length / 2)
    expect(await fixture.read(objectOf(id))).toEqual(FILE)
  })

  test.each([
    ['has changed', '"v1"', { content: OTHER, etag: '"v2"' }],
    [
      'has changed and heeds no If-Range',
      '"v1"',
      { content: OTHER, etag: '"v2"', ignoresIfRange: true },
    ],
    ['knows no ranges', '"v1"', { content: FILE, etag: '"v1"', ignoresRange: true }],
    ['has no version', undefined, { content: FILE }],
    ['has a weak version alone', 'W/"v1"', { content: FILE, etag: 'W/"v1"' }],
  ])('begins anew where the source %s', async (_, etag, file) => {
    const { id, progress } = await halfFetched(etag)
    source.files.set('/a.bin', file)
    const task = await resumed(id)
    expect(task).toMatchObject({ status: 'completed', size: file.content.length })
    expect(task.progress).toBeGreaterThan(progress)
    expect(await fixture.read(objectOf(id))).toEqual(file.content)
  })

  test.each([
    ['another start', `bytes 0-${FILE.length - 1}/${FILE.length}`, FILE],
    ['another total', `bytes ${FILE.length / 2}-149999/150000`, OTHER.subarray(FILE.length / 2)],
    ['no total', `bytes ${FILE.length / 2}-${FILE.length - 1}/*`, FILE.subarray(FILE.length / 2)],
  ])('begins anew where the rest has %s', async (_, contentRange, body) => {
    const { id } = await halfFetched('"v1"')
    source.answer = ({ headers }, response) => {
      const content = headers.range === undefined ? OTHER : body
      response.writeHead(headers.range === undefined ? 200 : 206, {
        'content-length': content.length,
        'content-range': headers.range === undefined ? '' : contentRange,
        etag: '"v1"',
      })
      response.end(content)
    }
    expect(await resumed(id)).toMatchObject({ status: 'completed' })
    expect(source.requests.map(({ range }) => range !== undefined)).toEqual([true, false])
    expect(await fixture.read(objectOf(id))).toEqual(OTHER)
  })

  test('asks for nothing when every byte was there', async () => {
    const { id } = await halfFetched('"v1"')
    const { file } = await fixture.origin.stage(objectOf(id))
    writeFileSync(file, FILE)
    expect(await resumed(id)).toMatchObject({ status: 'completed' })
    expect(source.requests).toEqual([])
  })

  test('fails when its host is no longer allowed', async () => {
    const { id } = await halfFetched('"v1"')
    const next = runner({ allowedHosts: ['elsewhere.example'] })
    next.resume()
    expect(await ended(next, id)).toMatchObject({ status: 'failed' })
    expect(source.requests).toEqual([])
  })
})

describe('a crash at the end leads to a completed task and no second fetch', () => {
  const crashed = async (isPublished: boolean): Promise<Task> => {
    const { id, source: known } = await halfFetched('"v1"')
    const object = objectOf(id)
    const staged = await fixture.origin.stage(object)
    writeFileSync(staged.file, FILE)
    if (isPublished) await staged.publish()
    const task = (await fixture.store.find(id)) as Task
    await fixture.store.change({
      ...task,
      ...(known && { source: { ...known, isComplete: true } }),
      object,
      size: FILE.length,
    })
    return resumed(id)
  }

  test.each([
    ['before the file came to its place', false],
    ['after the file came to its place', true],
  ])('%s', async (_, isPublished) => {
    const task = await crashed(isPublished)
    expect(task).toMatchObject({ status: 'completed', progress: 100 })
    expect(source.requests).toEqual([])
    expect(await fixture.read(task.object)).toEqual(FILE)
    expect(await fixture.catalogue.asset(task.id)).toMatchObject({ object: task.object })
  })
})

describe('the work', () => {
  test('is done by as many as are allowed at the same time, in order', async () => {
    const waiting: (() => void)[] = []
    source.answer = (_, response) => {
      waiting.push(() => response.writeHead(200, { 'content-length': 1 }).end('x'))
    }
    const two = runner({ concurrency: 2 })
    const tasks = []
    for (const name of ['1', '2', '3']) tasks.push(await started(two, source.url(`/${name}`)))
    await eventually('two are asked for', () => waiting.length === 2)
    expect(source.requests.map(({ url }) => url).sort()).toEqual(['/1', '/2'])
    expect(await two.find(tasks[2]?.id ?? '')).toMatchObject({ status: 'pending' })
    waiting.shift()?.()
    await eventually('the third is asked for', () => waiting.length === 2)
    for (const go of waiting) go()
    for (const { id } of tasks) expect(await ended(two, id)).toMatchObject({ status: 'completed' })
    expect((await two.list()).map(({ id }) => id)).toEqual(tasks.map(({ id }) => id).reverse())
  })

  test('ends when its time is over', async () => {
    source.answer = (_, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('begun')
    }
    const hurried = runner({ timeoutSeconds: 0.2 })
    const { id } = await started(hurried, source.url('/a.bin'))
    expect(await ended(hurried, id)).toMatchObject({
      status: 'failed',
      error: 'The fetch took longer than 0.2 seconds',
    })
    await hurried.stop()
    expect(readdirSync(`${fixture.root}/downloads/${id}`)).toEqual([])
  })

  test('writes its progress down at most once a second', async () => {
    let send: (bytes: Buffer) => unknown = () => undefined
    source.answer = (_, response) => {
      response.writeHead(200, { 'content-length': 100 })
      send = (bytes) => response.write(bytes)
      send(Buffer.alloc(30))
    }
    const one = runner()
    const { id } = await started(one, source.url('/a.bin'))
    await until(one, id, 'a third', ({ progress }) => progress === 29)
    expect((await fixture.store.find(id))?.progress).toBe(0)
    fixture.clock.advance(1)
    send(Buffer.alloc(30))
    await until(one, id, 'two thirds', ({ progress }) => progress === 59)
    await eventually('it written', async () => (await fixture.store.find(id))?.progress === 59)
  })

  test('fails when its origin is gone, and what it left can be removed when it is back', async () => {
    const lost = runner({ origin: () => undefined })
    const { id } = await started(lost, source.url('/a.bin'))
    expect(await ended(lost, id)).toMatchObject({ status: 'failed' })
    await expect(lost.remove(id)).rejects.toMatchObject({ code: 'ERR_ORIGIN_WRITE' })
    expect(await runner().remove(id)).toBe(true)
  })

  test('is forgotten with its task', async () => {
    source.files.set('/a.bin', { content: FILE })
    const one = runner()
    const { id } = await started(one, source.url('/a.bin'))
    const { object } = await ended(one, id)
    expect(await one.remove(id)).toBe(true)
    expect(await fixture.read(object)).toBeUndefined()
    expect(await fixture.catalogue.asset(id)).toBeUndefined()
    expect(fixture.renditions.forgotten).toEqual([id])
    expect(await one.list()).toEqual([])
    expect(await one.remove(id)).toBe(false)
  })

  test('keeps the URL of a source out of the log', async () => {
    const one = runner()
    const { id } = await started(one, source.url('/a.bin?key=hunter2'))
    expect(await ended(one, id)).toMatchObject({ status: 'failed' })
    expect(fixture.logged.join()).toContain(id)
    expect(fixture.logged.join()).not.toContain('hunter2')
  })
})
