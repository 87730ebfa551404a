import { expect, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import type { LinkSession } from '../../../src/state/link-state.ts'
import { limitedTo, newKey, questionOf } from '../../contract/link-state-contract.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { redisForTest, type RedisProcess } from '../../support/redis.ts'
import { valkeyForTest } from '../../support/valkey.ts'
import { countingOn, linkStateOn } from '../../support/valkey-link-state.ts'

const withRedis = needs('redis-server', 'redis-cli')

/** Far longer than the test takes: the place in the old copy is there when the node comes back. */
const TERMS = { ttlMs: 60_000, beatMs: 100 } as const
const HOLD_MS = 3000

/** One download has a place that another had when the server was saved; then the server forgets that. */
async function takenSinceTheCopy(asleepMs: number) {
  const redis: RedisProcess = await redisForTest()
  const connection = valkeyForTest(redis.url, { holdMs: HOLD_MS })
  expect(await connection.ready(5000)).toBe(true)
  await countingOn(connection)
  let slept = 0
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + slept }
  const lost: string[] = []
  const state = linkStateOn(connection, { ...TERMS, clock, onLost: (text) => lost.push(text) })
  onTestFinished(() => state.close())
  const { link } = newKey()
  const open = async (client: string): Promise<LinkSession> =>
    await state.open(questionOf({ link, object: '/a', client }, limitedTo(1, link)))
  const before = await open('before')
  expect(before.place.outcome).toBe('held')
  await redis.cli('SAVE')
  before.release()
  await eventually('taken', async () => (await open('since')).place.outcome === 'held')
  await redis.kill()
  slept = asleepMs
  await redis.start()
  await eventually('up', () => connection.isUp, 10_000)
  return { connection, lost, open }
}

withRedis(
  'a place that the state forgot is taken back though one in its old copy stands in the way',
  async () => {
    const { connection, lost, open } = await takenSinceTheCopy(0)
    await countingOn(connection)
    expect((await open('late')).place).toMatchObject({ outcome: 'refused', by: 'downloads' })
    expect(lost).toEqual([])
  },
  40_000,
)

withRedis(
  'who did not hear of its place for as long as it lasts takes it back only if there is room',
  async () => {
    const { lost } = await takenSinceTheCopy(TERMS.ttlMs)
    await eventually('lost', () => lost.length === 1, 10_000)
  },
  40_000,
)
