import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { expectFreed } from '../support/figures.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { openDownload, type OpenDownload, type Reply, send } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { type RedisProcess, startRedis } from '../support/redis.ts'
import { startSentinel } from '../support/redis-sentinel.ts'
import type { TestGateway } from '../support/test-gateway.ts'
import { counting, startNodes, type TestNodes } from '../support/test-nodes.ts'

const withRedis = needs('redis-server', 'redis-cli')
const [HOME, AWAY, THIRD] = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
const DECIDED_WITHIN_MS = 1000
const RIGHT_WITHIN_MS = 5000
const body = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 7) & 255))

let origin: GatedOrigin
let links = 0

interface Outage {
  readonly what: string
  readonly lastsMs: number
  /** What the state held is gone when it is back. */
  readonly forgets: boolean
  strike(redis: RedisProcess): unknown
  mend(redis: RedisProcess): unknown
}

const OUTAGES: readonly Outage[] = [
  {
    what: 'killed and started again empty',
    lastsMs: 3000,
    forgets: true,
    strike: (redis) => redis.kill(),
    mend: (redis) => redis.restart({ empty: true }),
  },
  {
    what: 'stopped for 20 s',
    lastsMs: 20_000,
    forgets: false,
    strike: (redis) => redis.pause(),
    mend: (redis) => redis.resume(),
  },
  {
    what: 'flushed',
    lastsMs: 0,
    forgets: true,
    strike: (redis) => redis.cli('FLUSHALL'),
    mend: () => undefined,
  },
  {
    what: 'full',
    lastsMs: 3000,
    forgets: false,
    strike: (redis) => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
    mend: (redis) => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    what: 'a replica that takes no writes',
    lastsMs: 3000,
    forgets: false,
    strike: (redis) => redis.cli('REPLICAOF', '127.0.0.1', '1'),
    mend: (redis) => redis.cli('REPLICAOF', 'NO', 'ONE'),
  },
]

beforeAll(async () => {
  origin = await GatedOrigin.start(body)
})

afterAll(async () => {
  await origin.stop()
})

const startOn = (url: string, onUnavailable: 'deny' | 'local'): Promise<TestNodes> =>
  startNodes({
    url,
    state: { prefix: `${onUnavailable}:`, onUnavailable },
    files: { 'a.bin': body },
    policies: { pinned: { address: { pin: 'first-use' } } },
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/gated/', origin: 'gated', schemes: ['sluice-hmac'] },
      { path: '/pinned/', origin: 'gated', policy: 'pinned', schemes: ['sluice-hmac'] },
    ],
  })

const fresh = (node: TestGateway, path: string, terms: Record<string, string | number> = {}) =>
  node.sign(path, { jti: `link-${++links}`, ...terms })

/** A download that the origin holds open. */
async function hold(node: TestGateway, link: string, localAddress: string): Promise<OpenDownload> {
  const open = await openDownload(node, link, { localAddress, patienceMs: 60_000 })
  expect(open.status).toBe(200)
  await open.read(1)
  return open
}

/** Asks from an address and expects a decision in time: one of these statuses. */
async function expectDecided(
  node: TestGateway,
  link: string,
  localAddress: string,
  statuses: readonly number[],
): Promise<number> {
  const began = performance.now()
  const open = await openDownload(node, link, { localAddress })
  const took = performance.now() - began
  if (open.status < 300) open.kill()
  else expectOutageOrKnown(await open.rest())
  expect(statuses, `${node.url} ${link}`).toContain(open.status)
  expect(took).toBeLessThan(DECIDED_WITHIN_MS)
  return open.status
}

function expectOutageOrKnown(reply: Reply): void {
  if (reply.status !== 503) return
  expectProblem(reply, 503, 'state_unavailable')
  expect(reply.headers['retry-after']).toMatch(/^[1-9]\d?$/)
}

/** Links of every kind whose limit is reached, with the downloads that reach it. */
async function fillLinks({ a, b }: TestNodes) {
  await counting(a, b)
  origin.shut()
  const full = fresh(a, '/gated/a.bin', { max_parallel_downloads: 1 })
  const two = fresh(a, '/gated/a.bin', { max_parallel_downloads: 2 })
  const oneTime = fresh(a, '/gated/a.bin', { multi_use: 'false' })
  const pinned = fresh(a, '/pinned/a.bin')
  const used = fresh(a, '/files/a.bin', { multi_use: 'false' })
  expect((await send(b, used, { localAddress: HOME })).status).toBe(200)
  await expectDecided(a, used, AWAY, [410])
  const open = [
    await hold(a, full, HOME),
    await hold(b, two, HOME),
    await hold(a, oneTime, HOME),
    await hold(a, pinned, HOME),
  ]
  return { full, two, oneTime, pinned, used, free: fresh(a, '/files/a.bin'), open }
}

type Filled = Awaited<ReturnType<typeof fillLinks>>

/** Nobody is let in whom the state would refuse, and links that need no state are served. */
async function expectDenied({ a, b }: TestNodes, links: Filled, forgets: boolean): Promise<void> {
  for (const node of [a, b]) {
    await expectDecided(node, links.full, AWAY, [429, 503])
    await expectDecided(node, links.oneTime, AWAY, [429, 503])
    await expectDecided(node, links.pinned, AWAY, [403, 503])
    if (!forgets) await expectDecided(node, links.used, AWAY, [410, 503])
    await expectDecided(node, links.free, AWAY, [200])
  }
}

/** Of a state that refuses while it is not sure: the first answer that is another is right. */
async function expectSure({ a, b }: TestNodes, links: Filled): Promise<void> {
  const back = performance.now()
  for (const node of [a, b]) {
    while ((await expectDecided(node, links.full, AWAY, [429, 503])) !== 429) {
      expect(performance.now() - back).toBeLessThan(RIGHT_WITHIN_MS)
      await delay(20)
    }
  }
}

async function expectRight({ a, b }: TestNodes, links: Filled, forgets: boolean): Promise<void> {
  for (const node of [a, b]) {
    await expectDecided(node, links.full, AWAY, [429])
    await expectDecided(node, links.oneTime, AWAY, [429])
    await expectDecided(node, links.pinned, AWAY, [403])
    if (!forgets) await expectDecided(node, links.used, AWAY, [410])
  }
  const second = await hold(a, links.two, AWAY)
  await expectDecided(b, links.two, THIRD, [429])
  links.open.push(second)
}

async function expectWholeAndFreed({ a, b }: TestNodes, links: Filled): Promise<void> {
  origin.open()
  for (const download of links.open) {
    expect((await download.rest()).body.equals(body)).toBe(true)
  }
  await expectFreed(a, 4000)
  await expectFreed(b, 4000)
  for (const [node, client] of [
    [b, AWAY],
    [a, THIRD],
  ] as const) {
    // what is given back here is known there a moment later, and long before a lease ends by itself
    await eventually(
      'the place is free',
      async () => (await send(node, links.full, { localAddress: client })).status === 200,
      2000,
    )
    await expectFreed(node, 4000)
  }
  await eventually('the one-time link is spent', async () => {
    const { status } = await send(b, links.oneTime, { localAddress: AWAY })
    expect([410, 429]).toContain(status)
    return status === 410
  })
}

/** Lets an outage happen, and judges what is decided meanwhile. */
async function during(
  redis: RedisProcess,
  outage: Outage,
  judge: () => Promise<void>,
): Promise<void> {
  await outage.strike(redis)
  const until = performance.now() + outage.lastsMs
  do {
    await judge()
    await delay(20)
  } while (performance.now() < until)
  await outage.mend(redis)
}

/** The node that has a place or saw a use refuses by itself; the other knows nothing of it. */
async function expectLocal({ a, b }: TestNodes, links: Filled, forgets: boolean): Promise<void> {
  await expectDecided(a, links.full, AWAY, [429])
  await expectDecided(a, links.oneTime, AWAY, [429])
  await expectDecided(a, links.pinned, AWAY, [403])
  if (!forgets) await expectDecided(b, links.used, AWAY, [410])
  await expectDecided(b, links.two, AWAY, [200])
  for (const node of [a, b]) await expectDecided(node, links.free, AWAY, [200])
}

describe('a shared state that is', () => {
  let redis: RedisProcess | undefined
  let deny: TestNodes
  let local: TestNodes

  /** For all tests of this group, started by the first. */
  async function running(): Promise<RedisProcess> {
    if (redis) return redis
    redis = await startRedis()
    const started = await Promise.all([startOn(redis.url, 'deny'), startOn(redis.url, 'local')])
    deny = started[0]
    local = started[1]
    return redis
  }

  afterAll(async () => {
    if (redis) await Promise.all([deny.close(), local.close()])
    await redis?.stop()
  })

  for (const outage of OUTAGES) {
    withRedis(
      `${outage.what} lets nobody in whom it would refuse, and counts on when it is back`,
      async () => {
        const server = await running()
        const links = await fillLinks(deny)
        await during(server, outage, () => expectDenied(deny, links, outage.forgets))
        await expectSure(deny, links)
        await expectRight(deny, links, outage.forgets)
        await expectWholeAndFreed(deny, links)
      },
      90_000,
    )
  }

  for (const { what, ...outage } of OUTAGES) {
    withRedis(
      `${what} is decided by what each node saw where that is wanted, and counts on when it is back`,
      async () => {
        const server = await running()
        const links = await fillLinks(local)
        const lastsMs = Math.min(outage.lastsMs, 3000)
        await during(server, { ...outage, what, lastsMs }, () =>
          expectLocal(local, links, outage.forgets),
        )
        const back = performance.now()
        await counting(local.a, local.b)
        expect(performance.now() - back).toBeLessThan(RIGHT_WITHIN_MS)
        await expectRight(local, links, outage.forgets)
        await expectWholeAndFreed(local, links)
      },
      90_000,
    )
  }
})

/** A failover is one more outage: the server that takes over may not know the last places. */
withRedis(
  'a failover lets nobody in whom the old primary would refuse, and counts on behind it',
  async () => {
    const setup = await startSentinel()
    onTestFinished(() => setup.stop())
    const nodes = await startOn(setup.url, 'deny')
    onTestFinished(() => nodes.close())
    const links = await fillLinks(nodes)
    await setup.master.kill()
    const [sentinel] = setup.sentinels
    const isNamed = async (): Promise<boolean> => {
      const address = await sentinel?.cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')
      return address?.endsWith(String(setup.replica.port)) ?? false
    }
    const deadline = performance.now() + 30_000
    while (!(await isNamed())) {
      expect(performance.now()).toBeLessThan(deadline)
      await expectDenied(nodes, links, false)
    }
    await expectSure(nodes, links)
    await expectRight(nodes, links, false)
    await expectWholeAndFreed(nodes, links)
  },
  90_000,
)
