import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import type { LinkSession } from '../../../src/state/link-state.ts'
import type { ValkeyConnection } from '../../../src/valkey/connection.ts'
import type { ValkeyLinkState, ValkeyLinkStateOptions } from '../../../src/valkey/link-state.ts'
import {
  begunOf,
  limitedTo,
  newKey,
  questionOf,
  useOf,
} from '../../contract/link-state-contract.ts'
import { eventually } from '../../support/eventually.ts'
import { needs } from '../../support/programs.ts'
import { redisForTest, type RedisProcess } from '../../support/redis.ts'
import { SharedRedis } from '../../support/shared-redis.ts'
import { valkeyForTest } from '../../support/valkey.ts'
import { countingOn, linkStateOn, SHORT_LEASES } from '../../support/valkey-link-state.ts'

const withRedis = needs('redis-server', 'redis-cli')
const redis = new SharedRedis()

interface Node {
  readonly connection: ValkeyConnection
  readonly state: ValkeyLinkState
  readonly lost: string[]
}

async function nodeOn(
  connection: ValkeyConnection,
  more: Partial<ValkeyLinkStateOptions> = {},
): Promise<Node> {
  expect(await connection.ready(5000)).toBe(true)
  await countingOn(connection)
  const lost: string[] = []
  const onLost = (download: string): void => {
    lost.push(download)
  }
  const state = linkStateOn(connection, { ...SHORT_LEASES, onLost, ...more })
  return { connection, state, lost }
}

async function twoNodes(): Promise<[Node, Node]> {
  const prefix = redis.freshPrefix()
  return [await nodeOn(await redis.connect(prefix)), await nodeOn(await redis.connect(prefix))]
}

async function isLetIn(node: Node, link: string, client: string, max = 1): Promise<boolean> {
  const session = await node.state.open(
    questionOf({ link, object: '/a', client }, limitedTo(max, link)),
  )
  return session.place.outcome === 'held'
}

async function openOn(node: Node, link: string, client = 'a', max = 1): Promise<LinkSession> {
  return await node.state.open(questionOf({ link, object: '/a', client }, limitedTo(max, link)))
}

/** A small generator of numbers, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe('two nodes', () => {
  withRedis('keep one limit, and count connections of a download together', async () => {
    const [one, two] = await twoNodes()
    const { link } = newKey()
    const ask = questionOf({ link, object: '/a', client: 'a' }, limitedTo(1, link, 2))
    const first = await one.state.open(ask)
    expect(await isLetIn(two, link, 'b')).toBe(false)
    expect((await two.state.open(ask)).place.outcome).toBe('held')
    expect((await one.state.open(ask)).place).toMatchObject({ by: 'connections', limit: 2 })
    first.release()
    expect(await isLetIn(one, link, 'b')).toBe(false)
  })

  withRedis('a node that dies frees its places; one that lives keeps them', async () => {
    const [one, two] = await twoNodes()
    const [dead, kept] = [newKey().link, newKey().link]
    await openOn(one, dead)
    await openOn(two, kept)
    await one.state.close({ abrupt: true })
    expect(await isLetIn(two, dead, 'b')).toBe(false)
    await eventually('free', () => isLetIn(two, dead, 'b'), 10_000)
    expect(await isLetIn(two, kept, 'b')).toBe(false)
  })

  withRedis(
    'are never over a limit in 20,000 random starts and ends',
    async () => {
      const prefix = redis.freshPrefix()
      const random = numbers(7)
      const links = Array.from({ length: 40 }, () => newKey().link)
      const nodes = [
        await nodeOn(await redis.connect(prefix)),
        await nodeOn(await redis.connect(prefix)),
      ]
      const held: { link: string; client: string; node: Node; session: LinkSession }[] = []
      let refused = 0
      for (let round = 0; round < 1000; round++) {
        const starts = Array.from({ length: 20 }, async () => {
          const link = links[random(links.length)] ?? ''
          const node = nodes[random(2)]
          const client = `c${random(6)}`
          if (!node) return
          const session = await openOn(node, link, client, 2)
          if (session.place.outcome === 'held') held.push({ link, client, node, session })
          else refused++
        })
        await Promise.all(starts)
        const open = new Map<string, Set<string>>()
        for (const { link, client } of held) {
          open.set(link, (open.get(link) ?? new Set()).add(client))
        }
        for (const clients of open.values()) expect(clients.size).toBeLessThanOrEqual(2)
        while (held.length > 60) held.splice(random(held.length), 1)[0]?.session.release()
        if (round % 250 !== 249) continue
        // one node dies and another takes its name's place; what it held ends with it
        const dead = nodes.shift()
        await dead?.state.close({ abrupt: true })
        for (let i = held.length - 1; i >= 0; i--) if (held[i]?.node === dead) held.splice(i, 1)
        nodes.push(await nodeOn(await redis.connect(prefix)))
      }
      expect(refused).toBeGreaterThan(1000)
      for (const { session } of held) session.release()
      const [node] = nodes
      if (!node) throw new Error('no node is left')
      for (const link of links) {
        await eventually('free', () => isLetIn(node, link, 'late', 1), 10_000)
      }
    },
    60_000,
  )

  withRedis('a use that is made on two of them is spent once, by the bytes of both', async () => {
    const [one, two] = await twoNodes()
    const key = newKey()
    const uses = { max: 1, coverage: 0.9 }
    const question = questionOf(key, { uses })
    const halves = await Promise.all(
      [one, two].map(async ({ state }) => {
        const session = await state.open(question)
        return { session, download: begunOf(await state.begin(session, useOf(key, { uses }))) }
      }),
    )
    await halves[0]?.download.count(0, 50)
    await halves[1]?.download.count(50, 100)
    await eventually('spent', async () => (await one.state.open(question)).spent === 1)
    for (const { session, download } of halves) {
      download.leave()
      session.release()
    }
    await eventually('both know', async () => (await two.state.open(question)).known?.used === true)
    expect((await one.state.open(question)).spent).toBe(1)
  })

  withRedis('divide a rate, and take it whole again', async () => {
    const [one, two] = await twoNodes()
    const mine = one.state.joinRate('r', 1000)
    const theirs = two.state.joinRate('r', 1000)
    const rates = (): number[] => [mine.rate.bytesPerSecond, theirs.rate.bytesPerSecond]
    await eventually('halves', () => rates().every((rate) => rate === 500))
    theirs.leave()
    await eventually('whole', () => mine.rate.bytesPerSecond === 1000)
  })
})

describe('an outage', () => {
  const unavailable = { code: 'ERR_STATE_UNAVAILABLE' }

  async function timed(work: () => Promise<unknown>): Promise<number> {
    const from = performance.now()
    await work()
    return performance.now() - from
  }

  const ways: [string, (server: RedisProcess) => void | Promise<void>][] = [
    ['killed', (server) => server.kill()],
    ['stopped where it is', (server) => server.pause()],
  ]
  for (const [how, end] of ways) {
    withRedis(`by a server that is ${how}: who needs it is denied within a second`, async () => {
      const server = await redisForTest()
      const node = await nodeOn(valkeyForTest(server.url))
      await end(server)
      const { link } = newKey()
      const ms = await timed(() => expect(openOn(node, link)).rejects.toMatchObject(unavailable))
      expect(ms).toBeLessThan(1000)
      const unlimited = await node.state.open(questionOf(newKey()))
      expect(unlimited.place.outcome).toBe('held')
      await node.state.close({ abrupt: true })
      server.resume()
    })
  }

  withRedis('leaves the decision to the node where that is wanted, and is told of it', async () => {
    const server = await redisForTest()
    const node = await nodeOn(valkeyForTest(server.url), { onUnavailable: 'local' })
    await server.kill()
    const { link } = newKey()
    expect(await isLetIn(node, link, 'a')).toBe(true)
    expect(await isLetIn(node, link, 'b')).toBe(false)
    await server.start()
    const other = await nodeOn(valkeyForTest(server.url))
    await eventually('written back', async () => !(await isLetIn(other, link, 'c')))
    expect(node.lost).toEqual([])
  })

  withRedis('that forgets everything lets nobody in before the leases are back', async () => {
    const server = await redisForTest()
    const [one, two] = [
      await nodeOn(valkeyForTest(server.url)),
      await nodeOn(valkeyForTest(server.url)),
    ]
    const links = Array.from({ length: 50 }, () => newKey().link)
    for (const link of links) await openOn(one, link)
    await server.cli('FLUSHALL')
    let letIn = 0
    let refused = 0
    await eventually(
      'all refused by their limit',
      async () => {
        const outcomes = await Promise.allSettled(links.map((link) => isLetIn(two, link, 'b')))
        letIn += outcomes.filter((one) => one.status === 'fulfilled' && one.value).length
        refused = outcomes.filter((one) => one.status === 'fulfilled' && !one.value).length
        return letIn > 0 || refused === links.length
      },
      5000,
    )
    expect([letIn, refused]).toEqual([0, links.length])
    expect(one.lost).toEqual([])
  })

  withRedis(
    'by a server that stands still for longer than leases live: the holders keep their places',
    async () => {
      const server = await redisForTest()
      const usual = { ttlMs: 4500, beatMs: 1500 }
      const one = await nodeOn(valkeyForTest(server.url, { holdMs: 2000 }), usual)
      const two = await nodeOn(valkeyForTest(server.url, { holdMs: 2000 }), usual)
      const links = Array.from({ length: 50 }, () => newKey().link)
      for (const link of links) await openOn(one, link)
      server.pause()
      await delay(usual.ttlMs + 500)
      server.resume()
      let letIn = 0
      await eventually(
        'all refused by their limit',
        async () => {
          const outcomes = await Promise.allSettled(links.map((link) => isLetIn(two, link, 'b')))
          const answers = outcomes.flatMap((each) =>
            each.status === 'fulfilled' ? each.value : [],
          )
          letIn += answers.filter(Boolean).length
          return letIn > 0 || answers.length === links.length
        },
        8000,
      )
      expect([letIn, one.lost]).toEqual([0, []])
    },
    30_000,
  )

  withRedis(
    'of one node alone: what others took meanwhile is lost, the rest it takes again',
    async () => {
      const server = await redisForTest({ users: ['sluice on >secret ~* &* +@all'] })
      const one = await nodeOn(
        valkeyForTest(server.url, { username: 'sluice', password: 'secret' }),
      )
      const two = await nodeOn(valkeyForTest(server.url))
      const [taken, free] = [newKey().link, newKey().link]
      await openOn(one, taken)
      await openOn(one, free)
      await server.cli('ACL', 'SETUSER', 'sluice', 'off')
      await server.cli('CLIENT', 'KILL', 'USER', 'sluice')
      await eventually('expired', () => isLetIn(two, taken, 'b'), 10_000)
      await server.cli('ACL', 'SETUSER', 'sluice', 'on')
      await eventually('one is lost', () => one.lost.length > 0)
      expect(one.lost).toEqual([`${taken}\n/a\na`])
      await eventually('the other is back', async () => !(await isLetIn(two, free, 'b')))
    },
  )
})
