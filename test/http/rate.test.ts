import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { downloadsOf, expectFreed } from '../support/figures.ts'
import { type OpenDownload, openDownload, send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const [A, B, C] = ['127.0.0.2', '127.0.0.3', '127.0.0.4']
const RATE = 200_000

let gateway: TestGateway
let links = 0

beforeAll(async () => {
  gateway = await startTestGateway({
    files: { 'a.bin': Buffer.alloc(4 * RATE), 'large.bin': Buffer.alloc(32 * 1024 * 1024) },
    policies: { slow: { rate: { bytesPerSecond: RATE } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/slow/', origin: 'library', policy: 'slow', schemes: ['sluice-hmac'] },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
})

const fresh = (path: string, parameters: Record<string, string | number> = {}): string =>
  gateway.sign(path, { jti: `rate-${++links}`, ...parameters })

/** Bytes a second that the connections get in all, over some seconds behind the first bytes. */
async function measure(open: readonly OpenDownload[], seconds = 2): Promise<number> {
  for (const download of open) await download.read(1)
  const rests = open.map((download) => download.rest())
  const before = total(open)
  const began = performance.now()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const rate = (total(open) - before) / ((performance.now() - began) / 1000)
  for (const download of open) download.kill()
  await Promise.all(rests)
  return rate
}

const total = (open: readonly OpenDownload[]): number =>
  open.reduce((sum, download) => sum + download.received, 0)

function expectAbout(rate: number, expected: number): void {
  expect(rate).toBeGreaterThan(expected * 0.85)
  expect(rate).toBeLessThan(expected * 1.15)
}

describe('the rate', () => {
  test('of a link is shared by its connections, from wherever they come', async () => {
    const link = fresh('/files/a.bin', { rate: RATE })
    const open = [
      await openDownload(gateway, link, { localAddress: A }),
      await openDownload(gateway, link, { localAddress: A, headers: { range: 'bytes=1000-' } }),
      await openDownload(gateway, link, { localAddress: B }),
    ]
    expectAbout(await measure(open), RATE)
    await expectFreed(gateway)
  })

  test('of a policy holds for each link apart', async () => {
    const open = [
      await openDownload(gateway, fresh('/slow/a.bin')),
      await openDownload(gateway, fresh('/slow/a.bin')),
    ]
    expectAbout(await measure(open), 2 * RATE)
  })

  test('is the stricter of link and policy', async () => {
    const strict = [await openDownload(gateway, fresh('/slow/a.bin', { rate: RATE / 2 }))]
    expectAbout(await measure(strict), RATE / 2)
    const lax = [await openDownload(gateway, fresh('/slow/a.bin', { rate: RATE * 5 }))]
    expectAbout(await measure(lax), RATE)
  })

  test('delivers the very bytes, and no quicker than it says', async () => {
    const began = performance.now()
    const headers = { range: 'bytes=0-199999' }
    const reply = await send(gateway, fresh('/files/a.bin', { rate: RATE }), { headers })
    const seconds = (performance.now() - began) / 1000
    expect(reply.isComplete).toBe(true)
    expect(reply.body).toHaveLength(RATE)
    expect(seconds).toBeGreaterThan(0.8)
    expect(seconds).toBeLessThan(1.4)
  })

  test('of a very slow link still sends, byte by byte', async () => {
    const open = await openDownload(gateway, fresh('/files/a.bin', { rate: 20 }))
    await open.read(10)
    open.kill()
  })
})

describe('a running download is cut', () => {
  beforeEach(async () => {
    await expectFreed(gateway)
  })

  const revoke = (body: object): Promise<Response> =>
    gateway.admin('/v1/revocations', { method: 'POST', body })

  const large = async (
    parameters: Record<string, string | number>,
    localAddress: string,
  ): Promise<OpenDownload> => {
    const open = await openDownload(gateway, fresh('/files/large.bin', parameters), {
      localAddress,
    })
    await open.read(1000)
    return open
  }

  test('by an operator: every connection of it, and no other', async () => {
    const link = fresh('/files/large.bin')
    const first = await openDownload(gateway, link, { localAddress: A })
    const second = await openDownload(gateway, link, { localAddress: A })
    const other = await openDownload(gateway, link, { localAddress: B })
    const listed = await downloadsOf(gateway)
    expect(listed.map(({ client, connections }) => [client, connections])).toEqual([
      [A, 2],
      [B, 1],
    ])
    const id = listed[0]?.id ?? ''
    expect((await gateway.admin(`/v1/downloads/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await first.rest()).isComplete).toBe(false)
    expect((await second.rest()).isComplete).toBe(false)
    expect((await other.rest()).isComplete).toBe(true)
    expect((await gateway.admin(`/v1/downloads/${id}`, { method: 'DELETE' })).status).toBe(404)
    const again = await send(gateway, link, { localAddress: A, headers: { range: 'bytes=0-9' } })
    expect(again.status).toBe(206)
    await expectEnded('gateway', 2)
  })

  test('by a revocation with end_downloads: those it covers', async () => {
    const ann = await large({ subject: 'ann' }, A)
    const paced = await large({ subject: 'ann', rate: 50_000 }, B)
    const bob = await large({ subject: 'bob' }, C)
    expect((await revoke({ subject: 'ann', end_downloads: true })).status).toBe(201)
    expect((await ann.rest()).isComplete).toBe(false)
    expect((await paced.rest()).isComplete).toBe(false)
    expect((await bob.rest()).isComplete).toBe(true)
    const refused = await send(gateway, fresh('/files/a.bin', { subject: 'ann' }))
    expectProblem(refused, 410, 'link_revoked')
  })

  test('not by a revocation without end_downloads', async () => {
    const open = await large({ jti: 'goes-on' }, A)
    expect((await revoke({ link_id: 'goes-on' })).status).toBe(201)
    expect((await open.rest()).isComplete).toBe(true)
    const refused = await send(gateway, fresh('/files/a.bin', { jti: 'goes-on' }))
    expectProblem(refused, 410, 'link_revoked')
  })

  /** Records that say so. */
  async function expectEnded(by: string, count: number): Promise<void> {
    await eventually(`${count} records say ${by}`, async () => {
      const records = await gateway.records(1)
      return records.filter((record) => record.ended_by === by).length === count
    })
  }
})
