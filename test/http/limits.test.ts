import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { downloadsOf, expectFreed, figuresOf, gaugeOf } from '../support/figures.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { type OpenDownload, openDownload, send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const [A, B, C, D] = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']
const body = Buffer.from(Array.from({ length: 20_000 }, (_, i) => i & 255))

let gateway: TestGateway
let origin: GatedOrigin
let links = 0

beforeAll(async () => {
  origin = await GatedOrigin.start(body)
  const gated = { origin: 'gated', schemes: ['sluice-hmac'] }
  gateway = await startTestGateway({
    files: { 'small.txt': 'small', 'large.bin': Buffer.alloc(32 * 1024 * 1024) },
    policies: {
      one: { parallel: { maxDownloads: 1 } },
      three: { parallel: { maxDownloads: 3 } },
      subject: { parallel: { maxDownloads: 2, countBy: 'subject' } },
      address: { parallel: { maxDownloads: 2, countBy: 'address' } },
      connections: { parallel: { connectionsPerDownload: 3 } },
    },
    config: { origins: { gated: { type: 'http', url: origin.url } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/gated/', ...gated },
      ...['one', 'three', 'subject', 'address', 'connections'].map((policy) => ({
        path: `/${policy}/`,
        policy,
        ...gated,
      })),
    ],
  })
})

beforeEach(async () => {
  origin.shut()
  await expectFreed(gateway)
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

/** A link that no other test has. */
function fresh(path: string, parameters: Record<string, string | number> = {}): string {
  return gateway.sign(path, { jti: `link-${++links}`, ...parameters })
}

/** A download that the origin holds open. */
async function hold(link: string, localAddress: string, range?: string): Promise<OpenDownload> {
  const headers = range === undefined ? {} : { range }
  const open = await openDownload(gateway, link, { localAddress, headers })
  expect([200, 206]).toContain(open.status)
  return open
}

const ask = (link: string, localAddress: string): ReturnType<typeof send> =>
  send(gateway, link, { localAddress })

async function expectTooMany(link: string, localAddress: string): Promise<void> {
  const reply = await ask(link, localAddress)
  expectProblem(reply, 429, 'too_many_downloads')
  expect(reply.headers['retry-after']).toMatch(/^[1-9]\d?$/)
}

/** Lets all held downloads end, and checks that each of them was whole. */
async function finish(...open: OpenDownload[]): Promise<void> {
  origin.open()
  for (const download of open) expect((await download.rest()).isComplete).toBe(true)
  await expectFreed(gateway)
}

describe('max_parallel_downloads', () => {
  test('of three clients the third is refused until one of the first two is done', async () => {
    const link = fresh('/gated/a.bin', { max_parallel_downloads: 2 })
    const first = await hold(link, A)
    const second = await hold(link, B)
    await expectTooMany(link, C)
    expect(await figuresOf(gateway)).toEqual({ leases: 2, downloads: 2 })
    origin.open()
    expect((await first.rest()).body).toEqual(body)
    expect((await ask(link, C)).body).toEqual(body)
    await finish(second)
  })

  test('further connections of a client belong to its download, whole or ranged', async () => {
    const link = fresh('/gated/a.bin', { max_parallel_downloads: 1 })
    const whole = await hold(link, A)
    const part = await hold(link, A, 'bytes=5000-9999')
    const again = await hold(link, A)
    await expectTooMany(link, B)
    expect(await downloadsOf(gateway)).toMatchObject([{ client: A, connections: 3 }])
    await finish(whole, part, again)
  })

  test('another object of the same client is another download', async () => {
    const link = (object: string): string =>
      fresh(`/one/${object}`, { jti: 'two-objects', max_parallel_downloads: 1 })
    const first = await hold(link('a.bin'), A)
    await expectTooMany(link('b.bin'), A)
    await finish(first)
  })

  test('links are counted apart', async () => {
    const first = await hold(fresh('/gated/a.bin', { max_parallel_downloads: 1 }), A)
    const second = await hold(fresh('/gated/a.bin', { max_parallel_downloads: 1 }), B)
    await finish(first, second)
  })

  test('HEAD takes no place, and is answered when all are taken', async () => {
    const link = fresh('/gated/a.bin', { max_parallel_downloads: 1 })
    const head = await send(gateway, link, { method: 'HEAD', localAddress: B })
    expect(head.status).toBe(200)
    const open = await hold(link, A)
    const full = await send(gateway, link, { method: 'HEAD', localAddress: B })
    expect(full.status).toBe(200)
    expect((await figuresOf(gateway)).leases).toBe(1)
    await finish(open)
  })

  test('a refused client leaves no trace in the count', async () => {
    const link = fresh('/gated/a.bin', { max_parallel_downloads: 1 })
    const open = await hold(link, A)
    for (const client of [B, C, D, B]) await expectTooMany(link, client)
    expect(await figuresOf(gateway)).toEqual({ leases: 1, downloads: 1 })
    await finish(open)
    expect((await ask(link, B)).status).toBe(200)
  })
})

describe('connectionsPerDownload', () => {
  test('one connection more is refused with too_many_connections', async () => {
    const link = fresh('/connections/a.bin')
    const open = [
      await hold(link, A),
      await hold(link, A, 'bytes=0-9999'),
      await hold(link, A, 'bytes=10000-'),
    ]
    const fourth = await ask(link, A)
    expectProblem(fourth, 429, 'too_many_connections')
    expect(fourth.headers['retry-after']).toMatch(/^[1-9]\d?$/)
    const elsewhere = await hold(link, B)
    await finish(...open, elsewhere)
  })
})

describe('the stricter of link and policy wins', () => {
  test('a link that allows two under a policy that allows one', async () => {
    const link = fresh('/one/a.bin', { max_parallel_downloads: 2 })
    const open = await hold(link, A)
    await expectTooMany(link, B)
    await finish(open)
  })

  test('a link that allows one under a policy that allows three', async () => {
    const link = fresh('/three/a.bin', { max_parallel_downloads: 1 })
    const open = await hold(link, A)
    await expectTooMany(link, B)
    await finish(open)
  })
})

describe('countBy', () => {
  test('subject: downloads by all links of a subject count together', async () => {
    const link = (subject: string): string => fresh('/subject/a.bin', { subject })
    const open = [await hold(link('ann'), A), await hold(link('ann'), B)]
    await expectTooMany(link('ann'), C)
    open.push(await hold(link('bob'), C))
    await finish(...open)
  })

  test('address: downloads of one client by any links count together', async () => {
    const open = [await hold(fresh('/address/a.bin'), A), await hold(fresh('/address/b.bin'), A)]
    await expectTooMany(fresh('/address/c.bin'), A)
    open.push(await hold(fresh('/address/c.bin'), B))
    await finish(...open)
  })
})

describe('a place is free within a second after', () => {
  /** One place only: the second client gets it as soon as the first is gone. */
  async function expectFreedAfter(
    path: string,
    leave: (open: OpenDownload) => unknown,
  ): Promise<void> {
    const link = fresh(path, { max_parallel_downloads: 1 })
    const open = await openDownload(gateway, link, { localAddress: A })
    await open.read(5)
    expect(await gaugeOf(gateway, 'sluice_leases_held')).toBe(1)
    await expectTooMany(link, B)
    await leave(open)
    await expectFreed(gateway, 1000)
    expect(await gaugeOf(gateway, 'sluice_leases_held')).toBe(0)
    origin.open()
    const next = await openDownload(gateway, link, { localAddress: B })
    expect(next.status).toBe(200)
    next.kill()
  }

  test.each(['reset', 'close'] as const)(
    'a client that is gone in the middle (%s)',
    async (how) => {
      await expectFreedAfter('/gated/a.bin', (open) => {
        open.kill(how)
      })
    },
  )

  test.each(['reset', 'close'] as const)('a client that did not read on (%s)', async (how) => {
    await expectFreedAfter('/files/large.bin', (open) => {
      open.kill(how)
    })
  })

  test('a client of a slow link that is gone', async () => {
    const link = fresh('/files/large.bin', { rate: 1000, max_parallel_downloads: 1 })
    const open = await openDownload(gateway, link, { localAddress: A })
    open.kill('close')
    await expectFreed(gateway, 1000)
    expect((await send(gateway, link, { method: 'HEAD', localAddress: B })).status).toBe(200)
  })

  test('an origin that resets its connection', async () => {
    await expectFreedAfter('/gated/a.bin', async (open) => {
      origin.reset()
      expect((await open.rest()).isComplete).toBe(false)
    })
  })

  test('a download that an operator ends', async () => {
    await expectFreedAfter('/gated/a.bin', async (open) => {
      const [listed] = await downloadsOf(gateway)
      const ended = await gateway.admin(`/v1/downloads/${listed?.id}`, { method: 'DELETE' })
      expect(ended.status).toBe(204)
      expect((await open.rest()).isComplete).toBe(false)
    })
  })

  test('a range request that ends while another goes on', async () => {
    const link = fresh('/gated/a.bin', { max_parallel_downloads: 1 })
    const whole = await hold(link, A)
    const short = await send(gateway, link, {
      localAddress: A,
      headers: { range: 'bytes=0-4' },
    })
    expect(short.status).toBe(206)
    expect(await figuresOf(gateway)).toEqual({ leases: 1, downloads: 1 })
    await expectTooMany(link, B)
    await finish(whole)
  })

  test('a request that has no body: 304, 404, 412, 416', async () => {
    const link = fresh('/files/small.txt', { max_parallel_downloads: 1 })
    const missing = fresh('/files/none.txt', { max_parallel_downloads: 1 })
    for (const [target, headers, status] of [
      [link, { 'if-none-match': '*' }, 304],
      [missing, {}, 404],
      [link, { 'if-match': '"x"' }, 412],
      [link, { range: 'bytes=5-' }, 416],
    ] as const) {
      expect((await send(gateway, target, { headers, localAddress: A })).status).toBe(status)
      await expectFreed(gateway, 1000)
    }
  })
})
