import { afterAll, expect, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openDownload } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { type RedisProcess, startRedis } from '../support/redis.ts'
import { startNodes } from '../support/test-nodes.ts'
import { expectWithin5, throttledShares } from '../support/throttled-shares.ts'

const RATE = 1_000_000

let redis: RedisProcess | undefined

afterAll(() => redis?.stop())

needs('redis-server', 'redis-cli')(
  'two gateways keep the rate of a subject together, within 5 % over ten seconds',
  async () => {
    redis = await startRedis()
    const both = await startNodes({
      url: redis.url,
      files: { 'a.bin': Buffer.alloc(16 * RATE) },
      policies: { slow: { rate: { bytesPerSecond: RATE, countBy: 'subject' } } },
      routes: [
        { path: '/slow/', origin: 'library', policy: 'slow', schemes: ['sluice-hmac'] },
        { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      ],
    })
    onTestFinished(() => both.close())
    const { a, b } = both
    const link = (jti: string): string => a.sign('/slow/a.bin', { jti, subject: 'ann' })
    // both take part before the time is taken: a node learns of another with its heartbeat
    const first = await Promise.all([a, b].map((node) => openDownload(node, link('first'))))
    const rests = first.map((download) => download.rest())
    await eventually(
      'both send',
      () => first.every((download) => download.received > 3 * RATE),
      15_000,
    )
    const nodes = [a, a, a, b]
    const got = throttledShares(
      nodes.map((node, i) => openDownload(node, link(`link-${i}`))),
      RATE,
    )
    const before = first.map((download) => download.received)
    const shares = await got
    const also = first.map((download, i) => (download.received - (before[i] ?? 0)) / (10 * RATE))
    for (const download of first) download.kill()
    await Promise.all(rests)
    expectWithin5({ ...shares, each: [...shares.each, ...also] }, 1)
    expect(Math.min(...shares.each)).toBeGreaterThan(0.05)
  },
  60_000,
)
