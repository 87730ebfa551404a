import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, vi } from 'vitest'
import type { Asset, Rendition } from '../../../src/catalogue/catalogue.ts'
import { FileOrigin } from '../../../src/origin/file-origin.ts'
import { RenditionQueue } from '../../../src/rendition/rendition-queue.ts'
import type { TranscodeJob } from '../../../src/rendition/transcoder.ts'
import { TaskRunner } from '../../../src/task/task-runner.ts'
import { ValkeyCatalogue } from '../../../src/valkey/catalogue.ts'
import type { ValkeyConnection } from '../../../src/valkey/connection.ts'
import { ValkeyCoordination } from '../../../src/valkey/coordination.ts'
import { ValkeyTaskStore } from '../../../src/valkey/task-store.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { HandTranscoder } from '../../support/hand-transcoder.ts'
import { needs } from '../../support/programs.ts'
import { SharedRedis } from '../../support/shared-redis.ts'
import { SourceServer } from '../../support/source-server.ts'

const SWEEP_MS = 30_000
const TIMES = { claimMs: 900, lockMs: 900 }
const ORDER = { holder: 'elytron', keepSeconds: 1000, renew: true }

const withRedis = needs('redis-server', 'redis-cli')
const redis = new SharedRedis()

/** What one gateway has of renditions and tasks. */
interface Node {
  readonly connection: ValkeyConnection
  readonly catalogue: ValkeyCatalogue
  readonly transcoder: HandTranscoder
  readonly queue: RenditionQueue
  readonly tasks: TaskRunner
}

let root: string
let prefix: string
let source: SourceServer
let nodes: Node[]

beforeEach(async () => {
  // the sweep waits for the test; the renewal of claims does not
  const { setInterval: real } = globalThis
  vi.spyOn(globalThis, 'setInterval').mockImplementation(((work: () => void, ms: number) => {
    if (ms !== SWEEP_MS) return real(work, ms)
    sweeps.push(work)
    return real(() => undefined, 1e9)
  }) as typeof setInterval)
  sweeps.length = 0
  root = mkdtempSync(join(tmpdir(), 'sluice-nodes-'))
  prefix = redis.freshPrefix()
  source = await SourceServer.start()
  nodes = []
})

afterEach(async () => {
  for (const node of nodes) {
    await Promise.all([node.queue.stop(), node.tasks.stop()])
    node.connection.close()
  }
  vi.restoreAllMocks()
  await source.stop()
  rmSync(root, { recursive: true })
})

const sweeps: (() => void)[] = []

function sweep(): void {
  for (const work of sweeps) work()
}

async function startNode(concurrency = 2): Promise<Node> {
  const connection = await redis.connect(prefix)
  const catalogue = new ValkeyCatalogue(connection)
  const transcoder = new HandTranscoder()
  const origin = new FileOrigin({ root })
  const shared = {
    catalogue,
    transcoder,
    origin: () => origin,
    target: 'library',
    concurrency,
    coordination: new ValkeyCoordination(connection, TIMES),
    maxBytes: 1e6,
    clock: new FakeClock(),
    log: () => undefined,
  }
  const queue = new RenditionQueue(shared)
  const tasks = new TaskRunner({
    ...shared,
    store: new ValkeyTaskStore(connection),
    renditions: queue,
    allowedHosts: [source.host],
    allowPrivateAddresses: true,
    timeoutSeconds: 60,
  })
  queue.resume()
  tasks.resume()
  const node = { connection, catalogue, transcoder, queue, tasks }
  nodes.push(node)
  return node
}

/** As if by `kill -9`: nothing of it reaches the state any longer. */
function kill(node: Node): void {
  node.connection.close()
}

async function putAsset({ catalogue }: Node, id: string): Promise<Asset> {
  const base = { id, filename: 'a.mp4', origin: 'library', object: `${id}.mp4`, createdAt: 1 }
  const asset: Asset = { ...base, requireSigned: false, status: 'ready' }
  writeFileSync(join(root, asset.object), 'source')
  await catalogue.putAsset(asset, [])
  return asset
}

async function becomes(node: Node, asset: Asset, status: Rendition['status']): Promise<Rendition> {
  let row: Rendition | undefined
  await eventually(status, async () => {
    row = await node.catalogue.rendition(asset.id, 'webm')
    return row?.status === status
  })
  return row as Rendition
}

/** The files that jobs made or make, in no order. */
function targets(...some: readonly Node[]): string[] {
  return some.flatMap(({ transcoder }) => transcoder.jobs.map(({ target }) => target))
}

describe('renditions of two nodes', () => {
  withRedis('are shared out: none is made twice, whoever is asked', async () => {
    const [one, two] = [await startNode(3), await startNode(3)]
    const assets: Asset[] = []
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) assets.push(await putAsset(one, id))
    await Promise.all(
      assets.flatMap((asset) =>
        [one, two, one, two].map((node) => node.queue.order(asset, 'webm', ORDER)),
      ),
    )
    sweep()
    const done = (): number => targets(one, two).length
    await eventually('all begun', () => done() === assets.length)
    const finish = (job: TranscodeJob & { finish(): void }): void => {
      job.finish()
    }
    for (const { transcoder } of [one, two]) for (const job of transcoder.jobs) finish(job)
    for (const asset of assets) await becomes(two, asset, 'ready')
    sweep()
    for (const asset of assets) await one.queue.order(asset, 'webm', ORDER)
    expect(new Set(targets(one, two)).size).toBe(assets.length)
    expect(done()).toBe(assets.length)
  })

  withRedis('show their progress on both', async () => {
    const [one, two] = [await startNode(), await startNode()]
    const asset = await putAsset(one, 'a')
    await one.queue.order(asset, 'webm', ORDER)
    const job = await one.transcoder.job(0)
    job.onProgress(40)
    await eventually('40', async () => (await two.queue.find(asset, 'webm'))?.percent === 40)
    expect(two.transcoder.jobs).toEqual([])
  })

  withRedis(
    'of a node that died are made by the other, and what it left does no harm',
    async () => {
      const [one, two] = [await startNode(), await startNode()]
      const asset = await putAsset(one, 'a')
      await one.queue.order(asset, 'webm', ORDER)
      const cut = await one.transcoder.job(0)
      sweep()
      expect(await becomes(two, asset, 'processing')).toMatchObject({ percent: 0 })
      expect(two.transcoder.jobs).toEqual([])
      kill(one)
      await eventually('taken over', () => {
        sweep()
        return two.transcoder.jobs.length > 0
      })
      cut.finish('late')
      const again = await two.transcoder.job(0)
      expect(again.target).not.toBe(cut.target)
      again.finish('anew')
      const ready = await becomes(two, asset, 'ready')
      expect(readFileSync(join(root, ready.object), 'utf8')).toBe('anew')
      await one.queue.stop()
      expect(readdirSync(join(root, 'renditions/a'))).toEqual([ready.object.split('/')[2]])
    },
  )

  withRedis('that nobody wants any longer end on the node that makes them', async () => {
    const [one, two] = [await startNode(), await startNode()]
    const asset = await putAsset(one, 'a')
    await one.queue.order(asset, 'webm', ORDER)
    await one.transcoder.job(0)
    await two.queue.release(asset, 'webm', ORDER.holder)
    await eventually('ended', () => one.transcoder.running === 0)
    expect(await one.catalogue.rendition('a', 'webm')).toBeUndefined()
  })
})

describe('tasks of two nodes', () => {
  const begin = (content: Buffer): void => {
    source.answer = (_, response) => {
      response.writeHead(200, { 'content-length': content.length, etag: '"v1"' })
      response.write(content.subarray(0, content.length / 2))
    }
  }

  async function started(node: Node): Promise<string> {
    const task = await node.tasks.start(source.url('/a.bin'), 'best')
    if ('refused' in task) throw new Error(task.refused)
    return task.id
  }

  withRedis('are fetched by one, and the other goes on where it died', async () => {
    const [one, two] = [await startNode(), await startNode()]
    const content = Buffer.alloc(100_000, 'x')
    begin(content)
    const id = await started(one)
    await eventually('half', async () => ((await one.tasks.find(id))?.progress ?? 0) >= 49)
    sweep()
    expect(await two.tasks.find(id)).toMatchObject({ status: 'downloading' })
    kill(one)
    source.requests.length = 0
    source.files.set('/a.bin', { content, etag: '"v1"' })
    await eventually('completed', async () => {
      sweep()
      return (await two.tasks.find(id))?.status === 'completed'
    })
    expect(source.requests).toEqual([
      { url: '/a.bin', range: `bytes=${content.length / 2}-`, ifRange: '"v1"' },
    ])
    expect(readFileSync(join(root, `downloads/${id}/a.bin`))).toEqual(content)
    expect(await two.catalogue.asset(id)).toMatchObject({ status: 'ready' })
  })

  withRedis('are removed from the one that does not work on them', async () => {
    const [one, two] = [await startNode(), await startNode()]
    begin(Buffer.alloc(100_000))
    const id = await started(one)
    await eventually('half', async () => ((await one.tasks.find(id))?.progress ?? 0) >= 49)
    expect(await two.tasks.remove(id)).toBe(true)
    await eventually('gone', async () => (await one.tasks.list()).length === 0)
    await eventually('no longer known', async () => (await one.tasks.find(id)) === undefined)
    expect(await one.catalogue.asset(id)).toBeUndefined()
    expect(readdirSync(join(root, `downloads/${id}`))).toEqual([])
  })
})
