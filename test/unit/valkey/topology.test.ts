import { expect, onTestFinished } from 'vitest'
import type { Script } from '../../../src/valkey/script.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { startCluster } from '../../support/redis-cluster.ts'
import { startSentinel } from '../../support/redis-sentinel.ts'
import { valkeyForTest } from '../../support/valkey.ts'

const withRedis = needs('redis-server', 'redis-cli')

/** Two keys, so that the server refuses what does not lie together. */
const PAIR: Script = {
  name: 'pair',
  keys: 2,
  lua: "return {redis.call('INCR', KEYS[1]), redis.call('INCRBY', KEYS[2], ARGV[1])}",
}

withRedis(
  'the master that Sentinel chose is found, and admissions are held on it',
  async () => {
    const setup = await startSentinel({ password: 'secret' })
    onTestFinished(() => setup.stop())
    const connection = valkeyForTest(setup.url, { holdMs: 60_000 })
    expect(await connection.ready(5000)).toBe(true)
    expect(await connection.run(PAIR, ['sluice:{a}1', 'sluice:{a}2'], [5])).toEqual([1, 5])
    const before = connection.epoch
    await setup.master.kill()
    await eventually('up', () => connection.isUp && connection.epoch !== before, 20_000)
    expect(await setup.replica.cli('EXISTS', connection.holdKey)).toBe('1')
    expect(await setup.replica.cli('GET', connection.epochKey)).toBe(connection.epoch)
    await connection.run(PAIR, ['sluice:{b}1', 'sluice:{b}2'], [1])
  },
  40_000,
)

withRedis(
  'keys of one tag lie together in a Cluster, and messages reach all its nodes',
  async () => {
    const setup = await startCluster({ password: 'secret' })
    onTestFinished(() => setup.stop())
    const connection = valkeyForTest(setup.url)
    expect(connection.isCluster).toBe(true)
    expect(await connection.ready(8000)).toBe(true)
    for (const tag of ['a', 'b', 'c', 'd']) {
      const keys = [`sluice:{${tag}}1`, `sluice:{${tag}}2`]
      expect(await connection.run(PAIR, keys, [3])).toEqual([1, 3])
    }
    const apart = connection.run(PAIR, ['sluice:{a}1', 'sluice:{b}1'], [1])
    await expect(apart).rejects.toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
    expect(connection.isUp).toBe(true)
    const heard: string[] = []
    await connection.subscribe('sluice:events', (message) => heard.push(message))
    await eventually('heard', async () => {
      await connection.publish('sluice:events', 'one')
      return heard.length > 0
    })
  },
  40_000,
)

withRedis(
  'a node of a Cluster that restarted has admissions held',
  async () => {
    const setup = await startCluster()
    onTestFinished(() => setup.stop())
    const connection = valkeyForTest(setup.url)
    expect(await connection.ready(8000)).toBe(true)
    const before = connection.epoch
    await setup.nodes[1]?.restart()
    await eventually(
      'up with another epoch',
      () => connection.isUp && connection.epoch !== before,
      20_000,
    )
    for (const tag of ['a', 'b', 'c', 'd']) {
      await connection.run(PAIR, [`sluice:{${tag}}1`, `sluice:{${tag}}2`], [1])
    }
  },
  60_000,
)
