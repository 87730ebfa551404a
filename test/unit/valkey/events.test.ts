import { expect } from 'vitest'
import { z } from 'zod'
import { Events } from '../../../src/valkey/events.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { redisForTest } from '../../support/redis.ts'
import { listenedTo, valkeyForTest } from '../../support/valkey.ts'

const withRedis = needs('redis-server', 'redis-cli')

withRedis('messages of a type come to who listens, and nothing else does', async () => {
  const redis = await redisForTest()
  const [here, there] = [valkeyForTest(redis.url), valkeyForTest(redis.url)]
  await Promise.all([here.ready(5000), there.ready(5000)])
  const heard: number[] = []
  const events = new Events(there)
  const stop = events.on('count', z.object({ n: z.int() }), ({ n }) => heard.push(n))
  await events.start()
  await listenedTo(there, events.channel)
  const sender = new Events(here)
  await sender.publish({ type: 'count', n: 1 })
  for (const odd of [
    'no JSON',
    'null',
    '7',
    '[]',
    '{}',
    '{"type":"count"}',
    '{"type":"count","n":"2"}',
  ]) {
    await here.publish(sender.channel, odd)
  }
  await sender.publish({ type: 'other', n: 3 })
  await sender.publish({ type: 'count', n: 4, more: true })
  await eventually('heard', () => heard.includes(4))
  expect(heard).toEqual([1, 4])
  const last = new Promise<void>((resolve) => {
    events.on('last', z.object({}), () => {
      resolve()
    })
  })
  stop()
  await sender.publish({ type: 'count', n: 5 })
  await sender.publish({ type: 'last' })
  await last
  expect(heard).toEqual([1, 4])
})
