import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Asset, Rendition, Status } from '../../../src/catalogue/catalogue.ts'
import type { Format } from '../../../src/catalogue/format.ts'
import { SqliteCatalogue } from '../../../src/catalogue/sqlite-catalogue.ts'
import { FileOrigin } from '../../../src/origin/file-origin.ts'
import type { Origin } from '../../../src/origin/origin.ts'
import type { RenditionOrder } from '../../../src/rendition/rendition-desk.ts'
import { RenditionQueue } from '../../../src/rendition/rendition-queue.ts'
import { SoleNode } from '../../../src/rendition/sole-node.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { HandTranscoder } from '../../support/hand-transcoder.ts'
import { MemoryOrigin } from '../../support/memory-origin.ts'

const SWEEP_MS = 30_000
const ORDER: RenditionOrder = { holder: 'elytron', keepSeconds: 100, renew: true }

let root: string
let database: DatabaseSync
let catalogue: SqliteCatalogue
let clock: FakeClock
let transcoder: HandTranscoder
let origins: Map<string, Origin>
let logged: string[]
let queue: RenditionQueue

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-queue-'))
  database = openMemoryDatabase()
  catalogue = new SqliteCatalogue(database)
  clock = new FakeClock()
  transcoder = new HandTranscoder()
  origins = new Map([['library', new FileOrigin({ root })]])
  logged = []
  queue = makeQueue()
})

afterEach(async () => {
  vi.useRealTimers()
  await queue.stop()
  database.close()
  rmSync(root, { recursive: true })
})

function makeQueue(concurrency = 2): RenditionQueue {
  return new RenditionQueue({
    catalogue,
    transcoder,
    origin: (name) => origins.get(name),
    target: 'library',
    concurrency,
    coordination: new SoleNode(),
    maxBytes: 1000,
    clock,
    log: (level, message) => logged.push(`${level} ${message}`),
  })
}

async function putAsset(id: string, rest: Partial<Asset> = {}): Promise<Asset> {
  const asset: Asset = {
    id,
    filename: 'a.mp4',
    origin: 'library',
    object: `${id}.mp4`,
    requireSigned: false,
    status: 'ready',
    createdAt: 1,
    ...rest,
  }
  if (asset.origin === 'library') writeFileSync(join(root, asset.object), 'source')
  await catalogue.putAsset(asset, [])
  return asset
}

async function row(asset: Asset, format: Format = 'webm'): Promise<Rendition> {
  const found = await catalogue.rendition(asset.id, format)
  if (!found) throw new Error('no row')
  return found
}

async function becomes(asset: Asset, status: Status, format: Format = 'webm'): Promise<Rendition> {
  await eventually(`${asset.id} ${status}`, async () => {
    const found = await catalogue.rendition(asset.id, format)
    return found?.status === status
  })
  return row(asset, format)
}

async function makeReady(asset: Asset, order = ORDER): Promise<Rendition> {
  const index = transcoder.jobs.length
  await queue.order(asset, 'webm', order)
  const job = await transcoder.job(index)
  job.finish()
  return becomes(asset, 'ready')
}

/** All files below `renditions/`, those that are being written among them. */
function files(): string[] {
  const folder = join(root, 'renditions')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}

describe('an order', () => {
  test('is pending at first, then has the percentage of the work, then is ready with its size', async () => {
    const asset = await putAsset('a')
    expect(await queue.find(asset, 'webm')).toBeUndefined()
    expect(await queue.order(asset, 'webm', ORDER)).toMatchObject({ status: 'pending', percent: 0 })
    const job = await transcoder.job(0)
    expect(job).toMatchObject({ source: join(root, 'a.mp4'), format: 'webm' })
    job.onProgress(12.5)
    await eventually('the percentage', async () => (await row(asset)).percent === 12.5)
    expect(await row(asset)).toMatchObject({ status: 'processing' })
    clock.advance(5)
    job.finish('made bytes')
    const ready = await becomes(asset, 'ready')
    expect(ready).toMatchObject({ percent: 100, size: 10, readyAt: 1_800_000_005, isGiven: false })
    expect(ready.object).toMatch(/^renditions\/a\/[0-9a-f-]{36}\.webm$/)
    expect(readFileSync(join(root, ready.object), 'utf8')).toBe('made bytes')
    expect(await queue.find(asset, 'webm')).toEqual(ready)
    expect(files()).toHaveLength(1)
  })

  test('shows nothing under the name of the object before the end', async () => {
    const asset = await putAsset('a')
    const { object } = await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    writeFileSync(job.target, 'half')
    expect(existsSync(join(root, object))).toBe(false)
    expect(job.target).not.toBe(join(root, object))
  })

  test('of the same format by two at once makes one', async () => {
    const asset = await putAsset('a')
    const [first, second] = await Promise.all([
      queue.order(asset, 'webm', ORDER),
      queue.order(asset, 'webm', { ...ORDER, holder: 'stream' }),
    ])
    expect(first.object).toBe(second.object)
    const job = await transcoder.job(0)
    job.finish()
    await becomes(asset, 'ready')
    expect(transcoder.jobs).toHaveLength(1)
    expect(await catalogue.orders('a', 'webm')).toHaveLength(2)
  })

  test('of the container that the asset has makes nothing', async () => {
    const asset = await putAsset('a')
    const own = { status: 'ready', percent: 100, isGiven: true, object: 'a.mp4', origin: 'library' }
    expect(await queue.order(asset, 'mp4', ORDER)).toMatchObject(own)
    expect(await queue.find(asset, 'mp4')).toMatchObject(own)
    expect(await catalogue.rendition('a', 'mp4')).toBeUndefined()
    expect(await catalogue.order('a', 'mp4', 'elytron')).toMatchObject({ keepSeconds: 100 })
  })

  test('of a format that was given makes nothing', async () => {
    const asset = await putAsset('a')
    const given = { assetId: 'a', format: 'webm', status: 'ready', percent: 100 } as const
    const object = { origin: 'library', object: 'given.webm', isGiven: true }
    await catalogue.putRendition({ ...given, ...object })
    expect(await queue.order(asset, 'webm', ORDER)).toMatchObject(object)
    await queue.release(asset, 'webm', 'elytron')
    expect(await queue.find(asset, 'webm')).toMatchObject(object)
  })

  test('of an asset that is not ready waits until it is', async () => {
    const asset = await putAsset('a', { status: 'processing' })
    expect(await queue.find(asset, 'mp4')).toMatchObject({ status: 'processing', percent: 0 })
    expect(await queue.order(asset, 'webm', ORDER)).toMatchObject({ status: 'pending' })
    await makeReady(await putAsset('other'))
    expect(await row(asset)).toMatchObject({ status: 'pending' })
    await queue.order(await putAsset('a'), 'webm', ORDER)
    const job = await transcoder.job(1)
    job.finish()
    await becomes(asset, 'ready')
  })

  test.each([
    ['an archive', { members: ['b'] }, 'an archive has no renditions'],
    ['an asset that has failed', { status: 'failed' as const }, 'the asset has failed'],
    ['an asset of an unknown origin', { origin: 'gone' }, 'there is no origin gone'],
  ])('of %s fails', async (_, rest, error) => {
    const asset = await putAsset('a', rest)
    await queue.order(asset, 'webm', ORDER)
    expect(await becomes(asset, 'failed')).toMatchObject({ error })
    expect(transcoder.jobs).toEqual([])
  })
})

describe('the work', () => {
  test('is done for no more than so many at once, first come first served', async () => {
    const assets = await Promise.all(['a', 'b', 'c', 'd'].map((id) => putAsset(id)))
    for (const asset of assets) await queue.order(asset, 'webm', ORDER)
    const first = await transcoder.job(1)
    expect(transcoder.running).toBe(2)
    first.finish()
    const third = await transcoder.job(2)
    expect(third.source).toBe(join(root, 'c.mp4'))
    expect(transcoder.running).toBe(2)
    expect((await row(assets[3] as Asset)).status).toBe('pending')
  })

  test('that fails leaves its reason and no file, and is tried again after a minute', async () => {
    const asset = await putAsset('a')
    await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    writeFileSync(job.target, 'half')
    job.fail('the source has no picture')
    const failed = await becomes(asset, 'failed')
    expect(failed).toMatchObject({ error: 'the source has no picture', failedAt: 1_800_000_000 })
    expect(files()).toEqual([])
    expect(logged.join()).toContain(
      'warn asset a was not made into webm: the source has no picture',
    )
    clock.advance(59)
    expect(await queue.order(asset, 'webm', ORDER)).toEqual(failed)
    clock.advance(1)
    expect(await queue.order(asset, 'webm', ORDER)).toMatchObject({ status: 'pending', percent: 0 })
    const again = await transcoder.job(1)
    again.finish()
    const ready = await becomes(asset, 'ready')
    expect(ready.error).toBeUndefined()
    expect(ready.object).not.toBe(failed.object)
  })

  test('on a source that is missing fails', async () => {
    const asset = await putAsset('a')
    rmSync(join(root, 'a.mp4'))
    await queue.order(asset, 'webm', ORDER)
    expect(await becomes(asset, 'failed')).toMatchObject({ error: 'the source object is missing' })
  })

  test('on a source elsewhere works on a copy of it, which goes at the end', async () => {
    const remote = new MemoryOrigin({ 'a.mp4': 'remote bytes' }, { chunkSize: 5 })
    origins.set('remote', remote)
    const asset = await putAsset('a', { origin: 'remote' })
    await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    expect(readFileSync(job.source, 'utf8')).toBe('remote bytes')
    expect(dirname(job.source)).toBe(dirname(job.target))
    expect(
      await new FileOrigin({ root }).localFile(job.source.slice(root.length + 1)),
    ).toBeUndefined()
    job.finish()
    await becomes(asset, 'ready')
    await eventually('the copy gone', () => files().length === 1)
    expect(remote.openObjects).toBe(0)
  })

  test('on a replaced asset is not published, and begins anew', async () => {
    const asset = await putAsset('a')
    queue.resume()
    await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    const replaced = await putAsset('a', { object: 'new.mp4' })
    job.finish()
    expect(await becomes(replaced, 'pending')).toMatchObject({ percent: 0 })
    await eventually('nothing left of it', () => files().length === 0)
    await queue.order(replaced, 'webm', ORDER)
    const again = await transcoder.job(1)
    expect(again.source).toBe(join(root, 'new.mp4'))
  })

  test('on an asset that was removed leaves nothing', async () => {
    const asset = await putAsset('a')
    await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    await catalogue.removeAsset('a')
    job.finish()
    await eventually('the end', () => transcoder.running === 0 && files().length === 0)
    expect(await catalogue.rendition('a', 'webm')).toBeUndefined()
  })

  test('reports no percentage after the end', async () => {
    const asset = await putAsset('a')
    await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    job.onProgress(50)
    job.finish()
    job.onProgress(60)
    await becomes(asset, 'ready')
    job.onProgress(70)
    await queue.stop()
    expect(await row(asset)).toMatchObject({ status: 'ready', percent: 100 })
  })

  test('on a state that cannot be written fails without harm, and is taken up later', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const asset = await putAsset('a')
    queue.resume()
    await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    const broken = vi.spyOn(catalogue, 'changeRendition').mockRejectedValue(new Error('disk I/O'))
    job.finish()
    await eventually('the failure logged', () =>
      logged.join().includes('cannot be noted: disk I/O'),
    )
    broken.mockRestore()
    await vi.advanceTimersByTimeAsync(SWEEP_MS)
    const again = await transcoder.job(1)
    again.finish()
    await becomes(asset, 'ready')
    expect(files()).toHaveLength(1)
  })
})

describe('an order that is taken back', () => {
  test('ends the work when it was the last', async () => {
    const asset = await putAsset('a')
    await queue.order(asset, 'webm', ORDER)
    await queue.order(asset, 'webm', { ...ORDER, holder: 'stream' })
    const job = await transcoder.job(0)
    writeFileSync(job.target, 'half')
    await queue.release(asset, 'webm', 'elytron')
    expect(transcoder.running).toBe(1)
    await queue.release(asset, 'webm', 'stream')
    expect(transcoder.running).toBe(0)
    expect(files()).toEqual([])
    expect(await queue.find(asset, 'webm')).toBeUndefined()
  })

  test('removes what was made, and ordering it again makes it again', async () => {
    const asset = await putAsset('a')
    await makeReady(asset)
    await queue.release(asset, 'webm', 'elytron')
    expect(files()).toEqual([])
    expect(await queue.find(asset, 'webm')).toBeUndefined()
    await makeReady(asset)
    expect(transcoder.jobs).toHaveLength(2)
  })

  test('before the work began keeps it from beginning', async () => {
    queue = makeQueue(1)
    const [a, b] = [await putAsset('a'), await putAsset('b')]
    await queue.order(a, 'webm', ORDER)
    await queue.order(b, 'webm', ORDER)
    const job = await transcoder.job(0)
    await queue.release(b, 'webm', 'elytron')
    job.finish()
    await becomes(a, 'ready')
    await queue.stop()
    expect(transcoder.jobs).toHaveLength(1)
  })
})

test('forget ends the work on an asset and removes all that was made of it', async () => {
  const asset = await putAsset('a')
  await makeReady(asset)
  await queue.order(asset, 'flv', ORDER)
  await queue.order(asset, 'mp4', ORDER)
  await transcoder.job(1)
  await queue.forget('a')
  expect(transcoder.running).toBe(0)
  expect(files()).toEqual([])
  expect(await catalogue.renditions('a')).toEqual([])
  for (const format of ['webm', 'flv', 'mp4'] as const) {
    expect(await catalogue.orders('a', format)).toEqual([])
  }
})

describe('a rendition whose object was deleted from the disk', () => {
  test('is made again as long as somebody wants it', async () => {
    const asset = await putAsset('a')
    const { object } = await makeReady(asset)
    rmSync(join(root, object))
    expect(await queue.find(asset, 'webm')).toMatchObject({ status: 'pending', percent: 0 })
    const job = await transcoder.job(1)
    job.finish()
    const { object: next } = await becomes(asset, 'ready')
    expect(existsSync(join(root, next))).toBe(true)
  })

  test('is none when nobody does', async () => {
    const asset = await putAsset('a')
    const { object } = await makeReady(asset)
    rmSync(join(root, object))
    clock.advance(100)
    expect(await queue.find(asset, 'webm')).toBeUndefined()
    expect(transcoder.jobs).toHaveLength(1)
  })
})

describe('time', () => {
  async function sweep(): Promise<void> {
    await vi.advanceTimersByTimeAsync(SWEEP_MS)
  }

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    queue.resume()
  })

  test('removes a rendition when the last order of it is over', async () => {
    const asset = await putAsset('a')
    await makeReady(asset)
    await queue.order(asset, 'webm', { ...ORDER, holder: 'ibm', keepSeconds: 150 })
    clock.advance(149)
    await sweep()
    await queue.order(asset, 'mov', ORDER)
    expect(await queue.find(asset, 'webm')).toMatchObject({ status: 'ready' })
    clock.advance(1)
    await sweep()
    await eventually('it gone', () => files().length === 0)
    expect(await queue.find(asset, 'webm')).toBeUndefined()
    expect(await catalogue.orders('a', 'webm')).toEqual([])
  })

  test('counts from now on when an order is renewed', async () => {
    const asset = await putAsset('a')
    await makeReady(asset)
    clock.advance(90)
    await queue.order(asset, 'webm', ORDER)
    expect(await catalogue.order('a', 'webm', 'elytron')).toMatchObject({
      orderedAt: 1_800_000_090,
    })
  })

  test('counts on when an order is not renewed, unless it was over', async () => {
    const asset = await putAsset('a')
    const kept = { ...ORDER, renew: false }
    await makeReady(asset, kept)
    clock.advance(99)
    await queue.order(asset, 'webm', kept)
    expect(await catalogue.order('a', 'webm', 'elytron')).toMatchObject({
      orderedAt: 1_800_000_000,
    })
    clock.advance(1)
    await queue.order(asset, 'webm', kept)
    expect(await catalogue.order('a', 'webm', 'elytron')).toMatchObject({
      orderedAt: 1_800_000_100,
    })
  })

  test('removes nothing that is kept without end', async () => {
    const asset = await putAsset('a')
    await makeReady(asset, { holder: 'stream', keepSeconds: undefined, renew: false })
    clock.advance(1e9)
    await sweep()
    await queue.order(asset, 'mov', ORDER)
    expect(files()).toContain((await row(asset)).object.split('/')[2])
  })

  test('takes up an order when its asset has become ready', async () => {
    const asset = await putAsset('a', { status: 'pending' })
    await queue.order(asset, 'webm', ORDER)
    await putAsset('a')
    await sweep()
    await transcoder.job(0)
  })

  test('leaves work alone that runs or waits', async () => {
    const assets = await Promise.all(['a', 'b', 'c'].map((id) => putAsset(id)))
    for (const asset of assets) await queue.order(asset, 'webm', ORDER)
    await transcoder.job(1)
    const before = await Promise.all(assets.map((asset) => row(asset)))
    await sweep()
    // an order of the same asset waits until it has been looked after
    for (const asset of assets) await queue.order(asset, 'webm', ORDER)
    expect(await Promise.all(assets.map((asset) => row(asset)))).toEqual(before)
    expect(transcoder.jobs).toHaveLength(2)
  })

  test('goes on for the others when one cannot be removed', async () => {
    const [a, b] = [await putAsset('a'), await putAsset('b')]
    const { object } = await makeReady(a)
    await makeReady(b)
    const origin = origins.get('library') as FileOrigin
    const remove = origin.remove.bind(origin)
    vi.spyOn(origin, 'remove').mockImplementation((name) =>
      name === object ? Promise.reject(new Error('EACCES')) : remove(name),
    )
    clock.advance(100)
    await sweep()
    await eventually('one file left', () => files().length === 1)
    expect(logged.join()).toContain('the webm of asset a cannot be looked after: EACCES')
    expect((await row(a)).status).toBe('ready')
  })
})

describe('a restart', () => {
  test('makes again what was being made, and removes what the crash left', async () => {
    const [a, b] = [await putAsset('a'), await putAsset('b')]
    await putAsset('c')
    queue = makeQueue(1)
    await queue.order(a, 'webm', ORDER)
    await queue.order(b, 'webm', ORDER)
    const cut = await transcoder.job(0)
    cut.onProgress(40)
    await eventually('the percentage', async () => (await row(a)).percent === 40)
    const before = await row(a)
    writeFileSync(cut.target, 'half')
    // published by a process that was killed before it could say so
    mkdirSync(dirname(join(root, before.object)), { recursive: true })
    writeFileSync(join(root, before.object), 'whole, but nobody knows')

    const transcoderAfter = new HandTranscoder()
    const crashed = queue
    transcoder = transcoderAfter
    queue = makeQueue(2)
    queue.resume()
    // both are taken up side by side: either may begin first
    const again = await transcoderAfter.jobOf(join(root, 'a.mp4'))
    expect(again.target).not.toBe(cut.target)
    expect(await row(a)).toMatchObject({ status: 'processing', percent: 0 })
    expect(files()).toEqual([])
    again.finish('anew')
    const ready = await becomes(a, 'ready')
    expect(readFileSync(join(root, ready.object), 'utf8')).toBe('anew')
    await transcoderAfter.jobOf(join(root, 'b.mp4'))
    expect(transcoderAfter.jobs).toHaveLength(2)

    // what outlived the crash does no harm
    writeFileSync(cut.target, 'late')
    cut.finish('late')
    await crashed.stop()
    expect(await row(a)).toEqual(ready)
    expect(readFileSync(join(root, ready.object), 'utf8')).toBe('anew')
  })

  test('finds what a stop has ended', async () => {
    const asset = await putAsset('a')
    await queue.order(asset, 'webm', ORDER)
    const job = await transcoder.job(0)
    writeFileSync(job.target, 'half')
    await queue.stop()
    expect(transcoder.running).toBe(0)
    expect(files()).toEqual([])
    expect(await row(asset)).toMatchObject({ status: 'processing' })
    queue = makeQueue()
    queue.resume()
    const again = await transcoder.job(1)
    again.finish()
    await becomes(asset, 'ready')
  })
})
