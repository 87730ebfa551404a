import { afterAll, beforeEach, describe, expect } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { downloadsOf, expectFreed } from '../support/figures.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { openDownload, type OpenDownload, type SendOptions, send } from '../support/http-client.ts'
import { needs } from '../support/programs.ts'
import { type RedisProcess, startRedis } from '../support/redis.ts'
import { counting, startNodes, type TestNodes } from '../support/test-nodes.ts'
import type { TestGateway } from '../support/test-gateway.ts'

const withRedis = needs('redis-server', 'redis-cli')
const [HOME, AWAY, THIRD] = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
const KNOWN_WITHIN_MS = 1000
const RATE = 200_000
const SIZE = 20_000
const body = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 7) & 255))

interface Running extends TestNodes {
  readonly redis: RedisProcess
  readonly origin: GatedOrigin
}

let started: Promise<Running> | undefined
let links = 0

/** For all tests of the file, started by the first. */
function running(): Promise<Running> {
  return (started ??= start())
}

async function start(): Promise<Running> {
  const [redis, origin] = await Promise.all([startRedis(), GatedOrigin.start(body)])
  const policies = {
    pinned: { address: { pin: 'first-use' } },
    half: { uses: { max: 1, coverage: 0.75 } },
    blocked: { networks: { block: ['pirates'] } },
    slow: { rate: { bytesPerSecond: RATE } },
    networks: { antiFraud: { default: true, sharing: { maxNetworks: 1 } } },
  }
  const nodes = await startNodes({
    url: redis.url,
    files: { 'a.bin': body, 'large.bin': Buffer.alloc(16 * 1024 * 1024) },
    policies,
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      lists: { pirates: {} },
      origins: { gated: { type: 'http', url: origin.url } },
    },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/gated/', origin: 'gated', schemes: ['sluice-hmac'] },
      ...Object.keys(policies).map((policy) => ({
        path: `/${policy}/`,
        // the file of each node has an ETag of its own
        origin: policy === 'half' ? 'gated' : 'library',
        policy,
        schemes: ['sluice-hmac'],
      })),
    ],
  })
  return { ...nodes, redis, origin }
}

beforeEach(async () => {
  if (!started) return
  const { a, b, origin } = await started
  origin.shut()
  await Promise.all([expectFreed(a, 4000), expectFreed(b, 4000)])
})

afterAll(async () => {
  if (!started) return
  const { redis, origin, ...nodes } = await started
  await nodes.close()
  await Promise.all([redis.stop(), origin.stop()])
})

const id = (): string => `link-${++links}`

const statusOf = async (node: TestGateway, link: string, options?: SendOptions): Promise<number> =>
  (await send(node, link, options)).status

async function hold(node: TestGateway, link: string): Promise<OpenDownload> {
  const open = await openDownload(node, link, { localAddress: HOME })
  expect(open.status).toBe(200)
  await open.read(1)
  return open
}

const knownOn = (what: string, holds: () => Promise<boolean>): Promise<void> =>
  eventually(what, holds, KNOWN_WITHIN_MS)

describe('what an operator does on one node', () => {
  withRedis('a revocation is in force on the other and ends what runs there', async () => {
    const { a, b } = await running()
    const jti = id()
    const link = a.sign('/gated/a.bin', { jti })
    const open = await hold(b, link)
    const request = { link_id: jti, end_downloads: true }
    const answer = await a.admin('/v1/revocations', { method: 'POST', body: request })
    expect(answer.status).toBe(201)
    const added = (await answer.json()) as { id: string; ended_downloads: number }
    expect(added.ended_downloads).toBe(1)
    expect((await open.rest()).isComplete).toBe(false)
    await knownOn('refused on b', async () => (await statusOf(b, link)) === 410)
    await b.admin(`/v1/revocations/${added.id}`, { method: 'DELETE' })
    const other = a.sign('/files/a.bin', { jti })
    await knownOn('taken back on a', async () => (await statusOf(a, other)) === 200)
  })

  withRedis('an entry of a list keeps clients out of the other', async () => {
    const { a, b } = await running()
    const link = a.sign('/blocked/a.bin', { jti: id() })
    const pirate = { headers: { 'x-forwarded-for': '203.0.113.7' } }
    expect(await statusOf(b, link, pirate)).toBe(200)
    await a.admin('/v1/lists/pirates/203.0.113.0%2F24', { method: 'PUT' })
    await knownOn('blocked on b', async () => (await statusOf(b, link, pirate)) === 403)
    await b.admin('/v1/lists/pirates/203.0.113.0%2F24', { method: 'DELETE' })
    await knownOn('let in on a', async () => (await statusOf(a, link, pirate)) === 200)
  })

  withRedis('downloads of the other are listed with their node, and cut', async () => {
    const { a, b } = await running()
    const jti = id()
    const open = await hold(b, a.sign('/gated/a.bin', { jti }))
    const mine = await hold(a, a.sign('/gated/a.bin', { jti: id() }))
    const listed = await downloadsOf(a)
    const stats = await (await a.admin('/v1/stats')).json()
    const { nodes } = stats as { nodes: { id: string; downloads_open: number }[] }
    expect(nodes).toHaveLength(2)
    expect(new Set(listed.map(({ node }) => node))).toEqual(new Set(nodes.map((node) => node.id)))
    const found = listed.find(({ link_id }) => link_id === jti)
    expect(found?.node).toBe(nodes[1]?.id)
    const cut = await a.admin(`/v1/downloads/${found?.id}`, { method: 'DELETE' })
    expect(cut.status).toBe(204)
    expect((await open.rest()).isComplete).toBe(false)
    expect((await a.admin(`/v1/downloads/${found?.id}`, { method: 'DELETE' })).status).toBe(404)
    mine.kill()
  })

  withRedis('a repeat with the same idempotency key gets the same links on the other', async () => {
    const { a, b } = await running()
    const headers = { 'idempotency-key': id() }
    const mint = { method: 'POST', headers, body: { path: '/files/a.bin', expires_in: 60 } }
    const first = await a.admin('/v1/links', mint)
    const again = await b.admin('/v1/links', mint)
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(await again.json()).toEqual(await first.json())
    const other = { ...mint, body: { ...mint.body, expires_in: 61 } }
    expect(await (await b.admin('/v1/links', other)).json()).toMatchObject({
      code: 'idempotency_key_reused',
    })
  })
})

describe('a link that is used on both nodes', () => {
  withRedis('is spent by one whole download on either', async () => {
    const { a, b } = await running()
    const link = a.sign('/files/a.bin', { jti: id(), multi_use: 'false' })
    expect(await statusOf(a, link, { localAddress: HOME })).toBe(200)
    expectProblem(await send(b, link, { localAddress: AWAY }), 410, 'link_used')
  })

  withRedis('is spent by one client that takes a part on each', async () => {
    const { a, b, origin } = await running()
    origin.open()
    const link = a.sign('/half/a.bin', { jti: id() })
    const part = (node: TestGateway, range: string, localAddress = HOME) =>
      statusOf(node, link, { localAddress, headers: { range: `bytes=${range}` } })
    expect(await part(a, `0-${SIZE / 2 - 1}`)).toBe(206)
    expect(await part(b, `${SIZE / 4}-${SIZE / 2 - 1}`)).toBe(206)
    expect(await part(b, `${SIZE / 2}-${(SIZE * 3) / 4 - 1}`)).toBe(206)
    expect(await part(a, '0-9', AWAY)).toBe(410)
    expect(await part(b, '0-9', AWAY)).toBe(410)
    expect(await part(a, `${(SIZE * 3) / 4}-${SIZE - 1}`)).toBe(206)
  })

  withRedis('stays with the address of the first use', async () => {
    const { a, b } = await running()
    const link = a.sign('/pinned/a.bin', { jti: id() })
    expect(await statusOf(a, link, { localAddress: HOME })).toBe(200)
    expect(await statusOf(b, link, { localAddress: AWAY })).toBe(403)
    expect(await statusOf(b, link, { localAddress: HOME })).toBe(200)
  })

  withRedis('counts networks of both', async () => {
    const { a, b } = await running()
    const link = a.sign('/networks/a.bin', { jti: id() })
    const from = (client: string) => ({ headers: { 'x-forwarded-for': client } })
    expect(await statusOf(a, link, from('198.51.100.1'))).toBe(200)
    expectProblem(await send(b, link, from('203.0.113.1')), 403, 'link_shared')
    expect(await statusOf(b, link, from('198.51.100.1'))).toBe(200)
  })

  withRedis('shares its rate among them', async () => {
    const { a, b } = await running()
    const link = a.sign('/slow/large.bin', { jti: id() })
    const open = [
      await openDownload(a, link, { localAddress: HOME }),
      await openDownload(b, link, { localAddress: AWAY }),
      await openDownload(b, link, { localAddress: THIRD }),
    ]
    const rests = open.map((download) => download.rest())
    const received = (): number => open.reduce((sum, { received: bytes }) => sum + bytes, 0)
    // until each node knows of the other, each gives the whole rate
    await eventually('two nodes send', () => received() > 2 * RATE, 15_000)
    const rateOver = async (ms: number): Promise<number> => {
      const [from, began] = [received(), performance.now()]
      await eventually('time went by', () => performance.now() - began >= ms, 4 * ms)
      return ((received() - from) * 1000) / (performance.now() - began)
    }
    await eventually(
      'the rate is divided',
      async () => {
        const rate = await rateOver(1000)
        return rate < RATE * 1.2
      },
      15_000,
    )
    for (const download of open) download.kill()
    await Promise.all(rests)
  })
})

describe('while the state is away', () => {
  withRedis('nothing is minted once, revoked or listed, and the caller is told', async () => {
    const { a, b, redis } = await running()
    redis.pause()
    try {
      const jti = id()
      for (const [path, init] of [
        ['/v1/revocations', { method: 'POST', body: { link_id: jti } }],
        ['/v1/lists/pirates/203.0.113.9', { method: 'PUT' }],
        [
          '/v1/links',
          {
            method: 'POST',
            body: { path: '/files/a.bin', expires_in: 60 },
            headers: { 'idempotency-key': jti },
          },
        ],
      ] as const) {
        const answer = await a.admin(path, init)
        expect(await answer.json()).toMatchObject({ status: 503, code: 'state_unavailable' })
      }
      expect(await statusOf(b, b.sign('/files/a.bin', { jti }))).toBe(200)
      const plain = { method: 'POST', body: { path: '/files/a.bin', expires_in: 60 } }
      expect((await a.admin('/v1/links', plain)).status).toBe(201)
    } finally {
      redis.resume()
    }
    await counting(a, b)
  })
})
