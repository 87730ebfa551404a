import { describe, expect } from 'vitest'
import { GatewayError } from '../../../src/base/failure.ts'
import type { ValkeyConnection } from '../../../src/valkey/connection.ts'
import type { Script } from '../../../src/valkey/script.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { redisForTest } from '../../support/redis.ts'
import { tlsFilesForTest } from '../../support/tls-files.ts'
import { valkeyForTest } from '../../support/valkey.ts'

const withRedis = needs('redis-server', 'redis-cli')
const withTls = needs('redis-server', 'redis-cli', 'openssl')

const ADD: Script = {
  name: 'add',
  keys: 1,
  lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
}

async function usable(connection: ValkeyConnection): Promise<ValkeyConnection> {
  expect(await connection.ready(5000)).toBe(true)
  return connection
}

/** Asks for a count; gives how long the failure took and what the cause says. */
async function failureOf(connection: ValkeyConnection): Promise<{ ms: number; cause: string }> {
  const from = performance.now()
  try {
    await connection.run(ADD, ['sluice:{a}'], [1])
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError)
    const failure = error as GatewayError
    expect(failure.code).toBe('ERR_STATE_UNAVAILABLE')
    return { ms: performance.now() - from, cause: String(failure.cause) }
  }
  throw new Error('the call was answered')
}

describe('calls', () => {
  withRedis('a script runs once by its text and then by its digest', async () => {
    const redis = await redisForTest()
    const connection = await usable(valkeyForTest(redis.url))
    expect(await connection.run(ADD, ['sluice:{a}'], [2])).toBe(2)
    await redis.cli('SCRIPT', 'FLUSH')
    expect(await connection.run(ADD, ['sluice:{a}'], [3])).toBe(5)
  })

  withRedis('prepared scripts run in the order of their calls, also the first time', async () => {
    const redis = await redisForTest()
    const connection = await usable(valkeyForTest(redis.url))
    const less: Script = { ...ADD, lua: "return redis.call('DECRBY', KEYS[1], ARGV[1])" }
    await connection.run(ADD, ['sluice:{a}'], [10])
    connection.prepare([less])
    const calls = [less, ADD].map((script) => connection.run(script, ['sluice:{a}'], [1]))
    expect(await Promise.all(calls)).toEqual([9, 10])
  })

  withRedis(
    'one call of a pipeline that fails leaves the others and the connection alone',
    async () => {
      const redis = await redisForTest()
      const connection = await usable(valkeyForTest(redis.url))
      const results = await connection.pipeline([
        { command: 'SET', args: ['sluice:text', 'no number'] },
        { script: ADD, keys: ['sluice:text'], args: [1] },
        { script: ADD, keys: ['sluice:{a}'], args: [7] },
      ])
      expect(results.map(({ outcome }) => outcome)).toEqual(['answered', 'failed', 'answered'])
      expect(results[2]).toEqual({ outcome: 'answered', value: 7 })
      expect(connection.isUp).toBe(true)
    },
  )

  withRedis('messages come, also after the connection was cut', async () => {
    const redis = await redisForTest()
    const connection = await usable(valkeyForTest(redis.url))
    const heard: string[] = []
    await connection.subscribe('sluice:events', (message) => heard.push(message))
    await eventually('heard', async () => {
      await connection.publish('sluice:events', 'one')
      return heard.includes('one')
    })
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually('heard again', async () => {
      await connection.publish('sluice:events', 'two')
      return heard.includes('two')
    })
  })
})

describe('a state that does not answer', () => {
  withRedis(
    'a call to a stopped process fails within a second, the next ones at once',
    async () => {
      const redis = await redisForTest()
      const connection = await usable(valkeyForTest(redis.url))
      redis.pause()
      expect((await failureOf(connection)).ms).toBeLessThan(1000)
      expect(connection.isUp).toBe(false)
      expect((await failureOf(connection)).ms).toBeLessThan(100)
      redis.resume()
      await eventually('up', () => connection.isUp, 8000)
      expect(await connection.run(ADD, ['sluice:{b}'], [1])).toBe(1)
    },
    20_000,
  )

  withRedis(
    'a killed server fails calls, and its return is told',
    async () => {
      const redis = await redisForTest()
      const connection = await usable(valkeyForTest(redis.url))
      const told: string[] = []
      connection.onDown((failure) => told.push(failure.code))
      connection.onUp(() => told.push('up'))
      await redis.kill()
      expect((await failureOf(connection)).ms).toBeLessThan(1000)
      await redis.start()
      await eventually('up', () => connection.isUp, 8000)
      expect(told).toEqual(['ERR_STATE_UNAVAILABLE', 'up'])
      expect(await connection.run(ADD, ['sluice:{a}'], [1])).toBe(1)
    },
    20_000,
  )

  withRedis('a server that was never there says why', async () => {
    const redis = await redisForTest()
    await redis.kill()
    const connection = valkeyForTest(redis.url)
    expect(await connection.ready(300)).toBe(false)
    expect((await failureOf(connection)).cause).toContain('ECONNREFUSED')
  })

  withRedis(
    'a replica is not used',
    async () => {
      const master = await redisForTest()
      const replica = await redisForTest({ replicaOf: master })
      const connection = valkeyForTest(replica.url)
      expect(await connection.ready(600)).toBe(false)
      expect((await failureOf(connection)).cause).toContain('READONLY')
      await replica.cli('REPLICAOF', 'NO', 'ONE')
      await eventually('up', () => connection.isUp, 8000)
    },
    20_000,
  )

  withRedis('a master that became a replica is left', async () => {
    const master = await redisForTest()
    const other = await redisForTest()
    const connection = await usable(valkeyForTest(master.url))
    await master.cli('REPLICAOF', '127.0.0.1', String(other.port))
    expect((await failureOf(connection)).cause).toContain('READONLY')
    expect(connection.isUp).toBe(false)
  })

  withRedis('no memory: fails, and works again when there is some', async () => {
    const redis = await redisForTest()
    const connection = await usable(valkeyForTest(redis.url))
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    expect((await failureOf(connection)).cause).toContain('OOM')
    await eventually('down', () => !connection.isUp)
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0')
    await eventually('up', () => connection.isUp)
  })

  withRedis('a server that cannot save fails calls', async () => {
    const redis = await redisForTest({
      config: ['dbfilename dump.rdb', 'enable-debug-command yes'],
    })
    const connection = await usable(valkeyForTest(redis.url))
    await redis.cli('CONFIG', 'SET', 'save', '3600 1')
    await redis.failSaves()
    expect((await failureOf(connection)).cause).toContain('MISCONF')
    await redis.cli('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no')
    await eventually('up', () => connection.isUp)
  })
})

describe('who may', () => {
  withRedis('a wrong password fails, and no failure holds it', async () => {
    const redis = await redisForTest({ password: 'right' })
    const connection = valkeyForTest(redis.url, { password: 'wrong-secret' })
    expect(await connection.ready(500)).toBe(false)
    const { cause } = await failureOf(connection)
    expect(cause).toContain('WRONGPASS')
    expect(cause).not.toContain('wrong-secret')
    await usable(valkeyForTest(redis.url))
  })

  withRedis('a user of the ACL needs the keys and channels of the prefix only', async () => {
    const redis = await redisForTest({
      users: ['default off', 'sluice on >secret ~sluice:* &sluice:* +@all -@dangerous +info'],
    })
    const url = redis.url.replace('redis://', 'redis://sluice:secret@')
    const connection = await usable(valkeyForTest(url))
    expect(await connection.run(ADD, ['sluice:{a}'], [1])).toBe(1)
    const other = valkeyForTest(url, { prefix: 'other:' })
    expect(await other.ready(500)).toBe(false)
    expect((await failureOf(other)).cause).toMatch(/NOPERM|No permissions|can't access/i)
  })

  withTls(
    'TLS with the authority works, and without it does not',
    async () => {
      const tls = await tlsFilesForTest()
      const stranger = await tlsFilesForTest()
      const redis = await redisForTest({ tls })
      const connection = await usable(valkeyForTest(redis.url, { ca: tls.text }))
      expect(await connection.run(ADD, ['sluice:{a}'], [1])).toBe(1)
      const wrong = valkeyForTest(redis.url, { ca: stranger.text })
      expect(await wrong.ready(500)).toBe(false)
      expect((await failureOf(wrong)).cause).toMatch(/certificate|signature/)
    },
    20_000,
  )
})
