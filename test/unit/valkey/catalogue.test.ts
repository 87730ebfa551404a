import { expect, onTestFinished } from 'vitest'
import type { Asset, Rendition } from '../../../src/catalogue/catalogue.ts'
import { ValkeyCatalogue } from '../../../src/valkey/catalogue.ts'
import { ValkeyTaskStore } from '../../../src/valkey/task-store.ts'
import { catalogueContract } from '../../contract/catalogue-contract.ts'
import { needs } from '../../support/programs.ts'
import { startCluster } from '../../support/redis-cluster.ts'
import { SharedRedis } from '../../support/shared-redis.ts'
import { valkeyForTest } from '../../support/valkey.ts'

const withRedis = needs('redis-server', 'redis-cli')
const redis = new SharedRedis()

catalogueContract(
  'ValkeyCatalogue',
  async () => {
    const connection = await redis.connect()
    return {
      catalogue: new ValkeyCatalogue(connection),
      dispose: async () => {
        connection.close()
      },
    }
  },
  withRedis,
)

const ASSET: Asset = {
  id: 'a',
  filename: 'a.mp4',
  origin: 'library',
  object: 'a.mp4',
  pipelineId: 'P',
  requireSigned: false,
  status: 'ready',
  createdAt: 1,
}
const RENDITION: Rendition = {
  assetId: 'a',
  format: 'webm',
  status: 'pending',
  percent: 0,
  origin: 'library',
  object: 'made/a.webm',
  isGiven: false,
}

withRedis('an index that says too much after a crash is repaired by who reads it', async () => {
  const connection = await redis.connect()
  const catalogue = new ValkeyCatalogue(connection)
  const { prefix } = connection
  await connection.command('ZADD', `${prefix}{catalogue}:ids`, 0, 'gone')
  await connection.command('ZADD', `${prefix}{catalogue}:ready`, 0, 'gone/webm')
  await catalogue.putAsset(ASSET, [RENDITION])
  await connection.command('ZADD', `${prefix}{catalogue}:ready`, 0, 'a/webm')
  expect(await catalogue.assets('', 10)).toEqual([ASSET])
  expect(await catalogue.renditionsIn(['ready'])).toEqual([])
  expect(await connection.command('ZRANGE', `${prefix}{catalogue}:ids`, 0, -1)).toEqual(['a'])
  expect(await connection.command('ZRANGE', `${prefix}{catalogue}:ready`, 0, -1)).toEqual([])
  expect(await catalogue.renditionsIn(['pending'])).toEqual([RENDITION])
})

withRedis('an asset that is put and removed by many at once is listed if it is there', async () => {
  const prefix = redis.freshPrefix()
  const connections = await Promise.all([redis.connect(prefix), redis.connect(prefix)])
  const [one, two] = connections.map((connection) => new ValkeyCatalogue(connection))
  if (!one || !two) throw new Error('no catalogue')
  for (let round = 0; round < 50; round++) {
    await Promise.all([one.removeAsset('a'), two.putAsset(ASSET, []), one.removeAsset('a')])
    const isThere = (await one.asset('a')) !== undefined
    expect(await two.assets('', 10)).toHaveLength(isThere ? 1 : 0)
    expect((await two.assetOf('a.mp4', 'P')) !== undefined).toBe(isThere)
  }
})

withRedis('a list longer than one batch is read whole', async () => {
  const connection = await redis.connect()
  const catalogue = new ValkeyCatalogue(connection)
  const ids = Array.from({ length: 1201 }, (_, at) => `id-${String(at).padStart(4, '0')}`)
  await Promise.all(ids.map((id) => catalogue.putAsset({ ...ASSET, id, object: id }, [])))
  expect((await catalogue.assets('', 2000)).map(({ id }) => id)).toEqual(ids)
  expect((await catalogue.assets('id-0600', 2)).map(({ id }) => id)).toEqual(ids.slice(601, 603))
})

withRedis(
  'in a Cluster, assets lie on all its nodes and are listed together',
  async () => {
    const cluster = await startCluster()
    onTestFinished(() => cluster.stop())
    const connection = valkeyForTest(cluster.url)
    expect(await connection.ready(8000)).toBe(true)
    const catalogue = new ValkeyCatalogue(connection)
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const id of ids) {
      await catalogue.putAsset({ ...ASSET, id }, [])
      await catalogue.replaceRendition({ ...RENDITION, assetId: id }, undefined)
      await catalogue.changeRendition(id, 'webm', { status: 'ready', readyAt: 5 })
    }
    expect((await catalogue.assets('', 10)).map(({ id }) => id)).toEqual(ids)
    expect(await catalogue.renditionsIn(['pending'])).toEqual([])
    expect((await catalogue.expired(10)).map(({ assetId }) => assetId)).toEqual(ids)
    expect((await catalogue.assetOf('a.mp4', 'P'))?.id).toBe('a')
    expect(await catalogue.removeAsset('a')).toBe(true)
    expect((await catalogue.assetOf('a.mp4', 'P'))?.id).toBe('b')
    const tasks = new ValkeyTaskStore(connection)
    const task = {
      url: 'u',
      quality: 'best',
      status: 'pending',
      progress: 0,
      createdAt: 1,
    } as const
    await tasks.add({ ...task, id: 'a', origin: 'library' })
    expect(await tasks.take('a', 'one')).toMatchObject({ id: 'a', attempt: 'one' })
    expect(await tasks.all()).toHaveLength(1)
    await tasks.remove('a')
    expect(await tasks.unfinished()).toEqual([])
  },
  40_000,
)
