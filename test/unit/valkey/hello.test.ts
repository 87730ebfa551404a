import { describe, expect } from 'vitest'
import type { ValkeyConnection } from '../../../src/valkey/connection.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { type RedisProcess, redisForTest } from '../../support/redis.ts'
import { valkeyForTest } from '../../support/valkey.ts'

const withRedis = needs('redis-server', 'redis-cli')

/** Long enough to be seen after whatever came in between. */
const HOLD_MS = 60_000

async function settled(connection: ValkeyConnection, redis: RedisProcess): Promise<void> {
  expect(await connection.ready(5000)).toBe(true)
  expect(await redis.cli('EXISTS', connection.holdKey)).toBe('1')
  await redis.cli('DEL', connection.holdKey)
}

async function isHeld(connection: ValkeyConnection, redis: RedisProcess): Promise<boolean> {
  return (await redis.cli('EXISTS', connection.holdKey)) === '1'
}

describe('a state that may have forgotten holds admissions', () => {
  withRedis('for as long as the hold stands', async () => {
    const redis = await redisForTest()
    const connection = valkeyForTest(redis.url)
    await connection.ready(5000)
    await eventually('over', async () => !(await isHeld(connection, redis)))
  })

  for (const empty of [true, false]) {
    withRedis(
      `after a restart, ${empty ? 'empty' : 'with all it knew'}`,
      async () => {
        const redis = await redisForTest()
        const connection = valkeyForTest(redis.url, { holdMs: HOLD_MS })
        await settled(connection, redis)
        const before = connection.epoch
        await redis.restart({ empty })
        await eventually('held', () => isHeld(connection, redis), 8000)
        await eventually('up', () => connection.isUp, 8000)
        expect(connection.epoch).not.toBe(before)
        expect(await redis.cli('GET', connection.epochKey)).toBe(connection.epoch)
      },
      20_000,
    )
  }

  withRedis('after it was flushed', async () => {
    const redis = await redisForTest()
    const connection = valkeyForTest(redis.url, { holdMs: HOLD_MS })
    await settled(connection, redis)
    await redis.cli('FLUSHALL')
    await connection.checkEpoch()
    expect(await isHeld(connection, redis)).toBe(true)
  })

  withRedis(
    'after nobody could say hello for longer than leases live',
    async () => {
      const redis = await redisForTest()
      const connection = valkeyForTest(redis.url, { holdMs: HOLD_MS })
      await settled(connection, redis)
      const expires = Date.now() + Number(await redis.cli('PTTL', `${connection.epochKey}:pulse`))
      redis.pause()
      await eventually('expired', () => Date.now() > expires + 1000, 8000)
      redis.resume()
      await eventually('held', () => isHeld(connection, redis), 8000)
    },
    20_000,
  )

  withRedis('not after a mere reconnect, and not for one more node', async () => {
    const redis = await redisForTest()
    const connection = valkeyForTest(redis.url, { holdMs: HOLD_MS })
    await settled(connection, redis)
    let ups = 0
    connection.onUp(() => (ups += 1))
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await eventually('up again', () => ups === 1 && connection.isUp)
    expect(await valkeyForTest(redis.url, { holdMs: HOLD_MS }).ready(5000)).toBe(true)
    expect(await isHeld(connection, redis)).toBe(false)
  })
})
