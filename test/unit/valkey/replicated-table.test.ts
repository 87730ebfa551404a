import { describe, expect } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { redisForTest } from '../../support/redis.ts'
import { tableForTest } from '../../support/valkey-table.ts'

const withRedis = needs('redis-server', 'redis-cli')

describe('a change', () => {
  withRedis('is in force here when its promise resolves, and on other nodes soon', async () => {
    const redis = await redisForTest()
    const [here, there] = [await tableForTest(redis.url), await tableForTest(redis.url)]
    await here.table.put('a', '1')
    expect(here.rows).toEqual(new Map([['a', '1']]))
    await eventually('put there', () => there.rows.get('a') === '1', 1000)
    await there.table.put('a', '2')
    await eventually('replaced here', () => here.rows.get('a') === '2', 1000)
    await there.table.remove('a')
    expect(there.rows.size).toBe(0)
    await eventually('removed here', () => here.rows.size === 0, 1000)
  })

  withRedis('that no message told of is found by the poll', async () => {
    const redis = await redisForTest()
    const here = await tableForTest(redis.url)
    const deaf = await tableForTest(redis.url, { isDeaf: true })
    await here.table.put('a', '1')
    await eventually('found', () => deaf.rows.get('a') === '1', 3000)
    await here.table.remove('a')
    await eventually('found', () => deaf.rows.size === 0, 3000)
  })

  withRedis('by many nodes at once ends in the same rows everywhere', async () => {
    const redis = await redisForTest()
    const nodes = await Promise.all([1, 2, 3].map(() => tableForTest(redis.url)))
    await Promise.all(
      nodes.flatMap(({ table }, node) =>
        Array.from({ length: 100 }, (_, i) =>
          i % 7 === 0 ? table.remove(`k${i % 10}`) : table.put(`k${i % 10}`, `${node}-${i}`),
        ),
      ),
    )
    const fresh = await tableForTest(redis.url)
    const isSame = (rows: Map<string, string>): boolean =>
      rows.size === fresh.rows.size &&
      [...rows].every(([key, body]) => fresh.rows.get(key) === body)
    for (const { rows } of nodes) await eventually('the same', () => isSame(rows))
  })

  withRedis('of a row that is another by now removes nothing', async () => {
    const redis = await redisForTest()
    const { table, rows } = await tableForTest(redis.url)
    const stamps: number[] = []
    table.follow({
      put: (key, body, stamp) => {
        rows.set(key, body)
        stamps.push(stamp)
      },
      remove: (key) => rows.delete(key),
    })
    await table.put('a', '1')
    await table.put('a', '2')
    await table.remove('a', stamps[0])
    expect(rows.get('a')).toBe('2')
    await table.remove('a', stamps[1])
    expect(rows.has('a')).toBe(false)
  })

  withRedis('fails while the state is away, and changes nothing', async () => {
    const redis = await redisForTest()
    const { table, rows, connection } = await tableForTest(redis.url)
    await table.put('a', '1')
    await redis.kill()
    await eventually('seen', () => !connection.isUp)
    await expect(table.put('b', '2')).rejects.toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
    await expect(table.remove('a')).rejects.toMatchObject({ code: 'ERR_STATE_UNAVAILABLE' })
    expect(rows).toEqual(new Map([['a', '1']]))
  })
})

describe('a state that forgot', () => {
  withRedis(
    'is told by the nodes what was there, and what was removed stays so',
    async () => {
      const redis = await redisForTest()
      const [here, there] = [await tableForTest(redis.url), await tableForTest(redis.url)]
      for (let i = 0; i < 1200; i++) void here.table.put(`k${i}`, String(i))
      await here.table.put('gone', 'x')
      await here.table.remove('gone')
      await eventually('known', () => there.rows.size === 1200)
      await redis.restart({ empty: true })
      await eventually('written back', async () => {
        const fresh = await redis.cli('HLEN', 'sluice:{table:test}:rows')
        return Number(fresh) >= 1200
      })
      const fresh = await tableForTest(redis.url)
      expect(fresh.rows.size).toBe(1200)
      expect([here.rows.size, there.rows.size]).toEqual([1200, 1200])
    },
    20_000,
  )

  withRedis('what came after a copy of it is told what that was, removals too', async () => {
    const redis = await redisForTest()
    const [here, there] = [await tableForTest(redis.url), await tableForTest(redis.url)]
    await here.table.put('copied', '1')
    await here.table.put('changed', '1')
    await redis.cli('SAVE')
    await here.table.put('lost', '2')
    await here.table.put('changed', '2')
    await here.table.remove('copied')
    await eventually('known', () => there.rows.has('lost') && !there.rows.has('copied'))
    await redis.kill()
    await redis.start()
    const rowsKey = 'sluice:{table:test}:rows'
    expect(await redis.cli('HEXISTS', rowsKey, 'lost')).toBe('0')
    await eventually('told', async () => (await redis.cli('HEXISTS', rowsKey, 'lost')) === '1')
    const fresh = await tableForTest(redis.url)
    const right = [
      ['changed', '2'],
      ['lost', '2'],
    ]
    for (const { rows } of [fresh, here, there]) {
      expect([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual(right)
    }
  })

  withRedis('by FLUSHALL, and then heard of something new, has both', async () => {
    const redis = await redisForTest()
    const here = await tableForTest(redis.url)
    await here.table.put('old', '1')
    await redis.cli('FLUSHALL')
    const other = await tableForTest(redis.url)
    await other.table.put('new', '2')
    const both = new Map([
      ['new', '2'],
      ['old', '1'],
    ])
    const isBoth = (rows: Map<string, string>): boolean =>
      rows.size === 2 && [...both].every(([key, body]) => rows.get(key) === body)
    await eventually('both there', () => isBoth(other.rows))
    await eventually('both here', () => isBoth(here.rows))
  })
})

describe('a connection that comes back', () => {
  withRedis('learns what was changed meanwhile', async () => {
    const redis = await redisForTest()
    const [here, away] = [await tableForTest(redis.url), await tableForTest(redis.url)]
    await here.table.put('a', '1')
    await eventually('known', () => away.rows.size === 1)
    await redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await here.table.put('b', '2')
    await eventually('learned', () => away.rows.get('b') === '2', 3000)
  })

  withRedis('keeps rows in memory meanwhile', async () => {
    const redis = await redisForTest()
    const { rows, table, connection } = await tableForTest(redis.url)
    await table.put('a', '1')
    redis.pause()
    await eventually('seen', () => !connection.isUp)
    expect(rows.get('a')).toBe('1')
    redis.resume()
    await eventually('back', () => connection.isUp)
    await table.put('b', '2')
    expect(rows.size).toBe(2)
  })
})
