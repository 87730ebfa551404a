import { describe, expect, onTestFinished, vi } from 'vitest'
import { type LiveConnection, LiveDownloads } from '../../../src/record/live-downloads.ts'
import { LocalLiveView } from '../../../src/state/live-view.ts'
import { Events } from '../../../src/valkey/events.ts'
import { NodeRegistry } from '../../../src/valkey/nodes.ts'
import { SharedLiveView } from '../../../src/valkey/shared-live-view.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { type RedisProcess, redisForTest } from '../../support/redis.ts'
import { NOW } from '../../support/request-parts.ts'
import { listenedTo, valkeyForTest } from '../../support/valkey.ts'

const withRedis = needs('redis-server', 'redis-cli')

interface TestNode {
  readonly view: SharedLiveView
  readonly registry: NodeRegistry
  run(linkId: string): ReturnType<typeof vi.fn<LiveConnection['end']>>
}

async function nodeForTest(redis: RedisProcess, id: string, isSilent = false): Promise<TestNode> {
  const connection = valkeyForTest(redis.url)
  await connection.ready(5000)
  const live = new LiveDownloads()
  const local = new LocalLiveView(live, { id, host: 'here', version: '1', startedAt: NOW * 1000 })
  const registry = new NodeRegistry(connection, () => local.nodes()[0])
  const events = new Events(connection)
  const view = new SharedLiveView(connection, events, registry, local)
  if (!isSilent) await events.start()
  await view.start()
  await listenedTo(connection, `sluice:node:${id}`)
  await registry.join()
  onTestFinished(() => registry.leave().catch(() => undefined))
  return {
    view,
    registry,
    run(linkId) {
      const end = vi.fn<LiveConnection['end']>(() => {
        leave()
      })
      const facts = {
        key: `${id} ${linkId}`,
        linkId,
        kid: 'k1',
        scheme: 'sluice-hmac',
        subject: undefined,
        tag: undefined,
        issuedAt: NOW,
        path: '/files/a',
        client: '203.0.113.7',
        size: 1000,
      }
      const leave = live.join(facts, { bytes: 7, end }, NOW * 1000, () => 0.5)
      return end
    },
  }
}

const linksOf = async ({ view }: TestNode): Promise<string[]> =>
  (await view.list()).downloads.map(({ node, linkId }) => `${node} ${linkId}`).toSorted()

describe('the downloads of two nodes', () => {
  withRedis('are shown by both, each with its node', async () => {
    const redis = await redisForTest()
    const [one, two] = [await nodeForTest(redis, 'one'), await nodeForTest(redis, 'two')]
    one.run('l1')
    two.run('l2')
    expect(await linksOf(one)).toEqual(['one l1', 'two l2'])
    expect(await linksOf(two)).toEqual(['one l1', 'two l2'])
    const [there] = (await one.view.list()).downloads.filter(({ node }) => node === 'two')
    expect(there).toMatchObject({ connections: 1, bytes: 7, coverage: 0.5, startedAt: NOW * 1000 })
    expect(one.view.count).toBe(1)
  })

  withRedis('are shown to the last however many they are', async () => {
    const redis = await redisForTest()
    const [one, two] = [await nodeForTest(redis, 'one'), await nodeForTest(redis, 'two')]
    for (let i = 0; i < 1001; i++) two.run(`l${i}`)
    expect(await linksOf(one)).toHaveLength(1001)
  })

  withRedis('are found and ended from either', async () => {
    const redis = await redisForTest()
    const [one, two] = [await nodeForTest(redis, 'one'), await nodeForTest(redis, 'two')]
    const end = two.run('l2')
    const other = two.run('l3')
    const { downloads } = await one.view.list()
    const { id } = downloads.find(({ linkId }) => linkId === 'l2')!
    expect(await one.view.find(id)).toMatchObject({ id, node: 'two', linkId: 'l2' })
    expect(await one.view.end(id, 'ended by ops')).toBe(true)
    expect(end.mock.calls).toEqual([['gateway', 'ended by ops']])
    expect(other).not.toHaveBeenCalled()
    expect([await one.view.find(id), await one.view.end(id, 'again')]).toEqual([undefined, false])
  })

  withRedis('end on both when their link is revoked', async () => {
    const redis = await redisForTest()
    const [one, two] = [await nodeForTest(redis, 'one'), await nodeForTest(redis, 'two')]
    const cut = [one.run('l1'), two.run('l1')]
    const kept = two.run('l2')
    const from = performance.now()
    expect(await one.view.endRevoked({ id: 'r', created_at: NOW, link_id: 'l1' })).toBe(2)
    expect(performance.now() - from).toBeLessThan(1000)
    for (const end of cut) expect(end.mock.calls).toEqual([['gateway', 'revocation r']])
    expect(kept).not.toHaveBeenCalled()
  })

  withRedis('are shown without those of a node that does not answer, which is named', async () => {
    const redis = await redisForTest()
    const one = await nodeForTest(redis, 'one')
    const two = await nodeForTest(redis, 'two', true)
    one.run('l1')
    two.run('l2')
    expect(await one.view.list()).toMatchObject({
      downloads: [{ linkId: 'l1' }],
      unanswered: ['two'],
    })
  })

  withRedis('cannot be asked for while the state is away; their own can be ended', async () => {
    const redis = await redisForTest()
    const one = await nodeForTest(redis, 'one')
    const end = one.run('l1')
    const [own] = (await one.view.list()).downloads
    await redis.kill()
    await expect(one.view.list()).rejects.toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
    expect(await one.view.end(own!.id, 'x')).toBe(true)
    expect(end).toHaveBeenCalledOnce()
  })
})

describe('the registry', () => {
  withRedis('knows the nodes that are alive, and none that left', async () => {
    const redis = await redisForTest()
    const [one, two] = [await nodeForTest(redis, 'one'), await nodeForTest(redis, 'two')]
    two.run('l2')
    await two.registry.beat()
    await one.registry.beat()
    expect(one.view.nodes()).toEqual([
      { id: 'one', host: 'here', version: '1', startedAt: NOW * 1000, downloads: 0 },
      { id: 'two', host: 'here', version: '1', startedAt: NOW * 1000, downloads: 1 },
    ])
    await two.registry.leave()
    await one.registry.beat()
    expect(one.view.nodes().map(({ id }) => id)).toEqual(['one'])
  })

  withRedis('forgets a node that says nothing for 4.5 s', async () => {
    const redis = await redisForTest()
    const one = await nodeForTest(redis, 'one')
    const longAgo = Date.now() - 4600
    await redis.cli('ZADD', 'sluice:{nodes}:seen', String(longAgo), 'dead')
    await redis.cli('HSET', 'sluice:{nodes}:facts', 'dead', JSON.stringify({ id: 'dead' }))
    await one.registry.beat()
    expect(one.view.nodes().map(({ id }) => id)).toEqual(['one'])
    expect(await redis.cli('HKEYS', 'sluice:{nodes}:facts')).toBe('one')
  })

  withRedis('has a node again after the state forgot it', async () => {
    const redis = await redisForTest()
    const [one, two] = [await nodeForTest(redis, 'one'), await nodeForTest(redis, 'two')]
    await redis.cli('FLUSHALL')
    await eventually('back', () => {
      const ids = [one, two].map(({ view }) => view.nodes().length)
      return ids.every((count) => count === 2)
    })
  })
})
