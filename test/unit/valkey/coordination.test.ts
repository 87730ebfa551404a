import { describe, expect } from 'vitest'
import { ValkeyCoordination } from '../../../src/valkey/coordination.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { redisForTest } from '../../support/redis.ts'
import { SharedRedis } from '../../support/shared-redis.ts'
import { valkeyForTest } from '../../support/valkey.ts'

const TIMES = { claimMs: 600, lockMs: 300 }
const NEVER = new AbortController().signal

const withRedis = needs('redis-server', 'redis-cli')
const redis = new SharedRedis()

async function twoNodes(): Promise<[ValkeyCoordination, ValkeyCoordination]> {
  const prefix = redis.freshPrefix()
  return [
    new ValkeyCoordination(await redis.connect(prefix), TIMES),
    new ValkeyCoordination(await redis.connect(prefix), TIMES),
  ]
}

/** Work that goes on until its signal ends it. */
function endless(): { work: (signal: AbortSignal) => Promise<void>; began: Promise<void> } {
  const began = Promise.withResolvers<void>()
  const work = async (signal: AbortSignal): Promise<void> => {
    began.resolve()
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve()
      })
    })
  }
  return { work, began: began.promise }
}

describe('short work of a key', () => {
  withRedis('is done by one node at a time', async () => {
    const [one, two] = await twoNodes()
    let running = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
    }
    await Promise.all([one, two, one, two, one, two].map((node) => node.alone('a', work)))
    expect(most).toBe(1)
  })

  withRedis('goes on behind work that fails', async () => {
    const [one, two] = await twoNodes()
    const broken = one.alone('a', () => Promise.reject(new Error('broken')))
    await expect(broken).rejects.toThrow('broken')
    expect(await two.alone('a', async () => 'done')).toBe('done')
  })
})

describe('long work of a name', () => {
  withRedis('is done by the node that claimed it first, longer than a claim lives', async () => {
    const [one, two] = await twoNodes()
    const { work, began } = endless()
    const stop = new AbortController()
    const first = one.claim('a', stop.signal, work)
    await began
    const from = performance.now()
    while (performance.now() - from < 2 * TIMES.claimMs) {
      expect(await two.claim('a', NEVER, () => Promise.reject(new Error('done twice')))).toBe(false)
    }
    expect(await two.isClaimed('a')).toBe(true)
    stop.abort()
    expect(await first).toBe(true)
    expect(await two.isClaimed('a')).toBe(false)
    expect(await two.claim('a', NEVER, async () => undefined)).toBe(true)
  })

  withRedis('is ended from another node', async () => {
    const [one, two] = await twoNodes()
    const { work, began } = endless()
    const first = one.claim('a', NEVER, work)
    await began
    await two.end('a')
    expect(await two.isClaimed('a')).toBe(false)
    expect(await first).toBe(true)
  })

  withRedis(
    'outlives an outage, unless another node took it over',
    async () => {
      const server = await redisForTest()
      const connection = valkeyForTest(server.url)
      await connection.ready(5000)
      const one = new ValkeyCoordination(connection, TIMES)
      const { work, began } = endless()
      let isOver = false
      const first = one.claim('a', NEVER, work).then(() => (isOver = true))
      await began
      await server.restart({ empty: true })
      await eventually('claimed again', () => one.isClaimed('a').catch(() => false), 10_000)
      expect(isOver).toBe(false)
      await server.cli('SET', 'sluice:claim:a', 'another')
      await first
    },
    20_000,
  )
})
