import { randomInt } from 'node:crypto'
import { afterAll, expect, onTestFinished } from 'vitest'
import { Random } from '../../bench/fraud/random.ts'
import { eventually } from '../support/eventually.ts'
import { expectFreed } from '../support/figures.ts'
import { openDownload, type OpenDownload } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { type RedisProcess, startRedis } from '../support/redis.ts'
import { SlowOrigin } from '../support/slow-origin.ts'
import { startNodes } from '../support/test-nodes.ts'

const STARTS = 2000
const AT_ONCE = 20
const LINKS = 30
const WANTED = 60
const ADDRESSES = 8
const SAMPLE_MS = 50

const seed = Number(process.env['SLUICE_SEED'] ?? randomInt(2 ** 31))
let redis: RedisProcess | undefined

afterAll(() => redis?.stop())

needs('redis-server', 'redis-cli')(
  `two gateways never have more bodies of a link open than it may, through ${STARTS} random starts and aborts (seed ${seed})`,
  async () => {
    redis = await startRedis()
    const origin = await SlowOrigin.start()
    const nodes = await startNodes({
      url: redis.url,
      policies: { default: { parallel: { connectionsPerDownload: 1 } } },
      config: { origins: { slow: { type: 'http', url: origin.url } } },
      routes: [
        { path: '/slow/', origin: 'slow', schemes: ['sluice-hmac'] },
        { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      ],
    })
    const random = new Random(seed)
    const links = Array.from({ length: LINKS }, (_, i) => {
      const max = 1 + (i % 3)
      const terms = { jti: `link-${i}`, max_parallel_downloads: max }
      return { max, path: `/${i}.bin`, target: nodes.a.sign(`/slow/${i}.bin`, terms) }
    })
    const over: string[] = []
    const sampling = setInterval(() => {
      for (const { path, max } of links) {
        if (origin.openOf(path) > max) over.push(`${path}: ${origin.openOf(path)} of ${max}`)
      }
    }, SAMPLE_MS)
    onTestFinished(async () => {
      clearInterval(sampling)
      await nodes.close()
      await origin.stop()
    })

    const counts = { begun: 0, refused: 0, aborted: 0 }
    const open: OpenDownload[] = []
    const abort = (): void => {
      const [download] = open.splice(random.whole(0, open.length - 1), 1)
      download?.kill(random.chance(0.5) ? 'reset' : 'close')
      counts.aborted++
    }
    const start = async (): Promise<void> => {
      const download = await openDownload(
        random.pick([nodes.a, nodes.b]),
        random.pick(links).target,
        { localAddress: `127.0.0.${2 + random.whole(0, ADDRESSES - 1)}` },
      )
      if (download.status === 200) {
        counts.begun++
        open.push(download)
        await download.read(random.whole(1, 60))
      } else {
        // 503 where the machine stood still for half a second
        expect([429, 503]).toContain(download.status)
        counts.refused++
        await download.rest()
      }
    }
    for (let done = 0; done < STARTS; done += AT_ONCE) {
      const starts = Array.from({ length: AT_ONCE }, start)
      while (random.whole(0, 2 * WANTED) < open.length) abort()
      await Promise.all(starts)
      expect(over).toEqual([])
    }
    expect(counts.begun).toBeGreaterThan(STARTS / 20)
    expect(counts.refused).toBeGreaterThan(STARTS / 20)

    while (open.length > 0) abort()
    await eventually('no body is open', () => origin.open === 0)
    for (const node of [nodes.a, nodes.b]) await expectFreed(node, 10_000)
    expect(over).toEqual([])
  },
  120_000,
)
