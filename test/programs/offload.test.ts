import { createSocket } from 'node:dgram'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { downloadsOf, expectFreed } from '../support/figures.ts'
import { freePort } from '../support/free-port.ts'
import { openDownload, type Reply, send, type SendOptions } from '../support/http-client.ts'
import { ObjectServer } from '../support/object-server.ts'
import { type OffloadNginx, startOffloadNginx } from '../support/offload-nginx.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const [A, B] = ['127.0.0.2', '127.0.0.3']
const SMALL = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 251))
const LARGE = Buffer.alloc(24 * 1024 * 1024, 7)
const ODD = 'über uns/100% #1 ?+&a=b;\'"(c).txt'

let origin: ObjectServer
let gateway: TestGateway
let nginx: OffloadNginx
let logPort: number
let links = 0

async function start(offload: object = {}): Promise<void> {
  logPort = await freePort()
  origin = await ObjectServer.start(new Map([['a.bin', SMALL]]))
  gateway = await startTestGateway({
    files: { 'a.bin': SMALL, 'large.bin': LARGE, [ODD]: 'odd', 'page.html': '<p>' },
    policies: {
      offloaded: { delivery: { offload: 'x-accel:/internal/' } },
      single: {
        parallel: { connectionsPerDownload: 1, maxDownloads: 1 },
        delivery: { offload: 'x-accel:/internal/' },
      },
      bucket: { delivery: { offload: 'x-accel:/internal-bucket/' } },
      inline: { delivery: { offload: 'x-accel:/internal/', disposition: 'inline' } },
    },
    routes: ['offloaded', 'single', 'inline', 'bucket'].map((policy) => ({
      path: `/${policy}/`,
      origin: policy === 'bucket' ? policy : 'library',
      policy,
      schemes: ['sluice-hmac'],
    })),
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      offload: { log: { port: logPort }, ...offload },
      origins: { bucket: { type: 'http', url: origin.url } },
    },
  })
  nginx = await startOffloadNginx({
    directory: join(gateway.directory, 'nginx'),
    gatewayPort: gateway.port,
    logPort,
    root: gateway.root,
    originUrl: `${origin.url}/`,
  })
}

async function stop(): Promise<void> {
  await nginx.stop()
  await gateway.close()
  await origin.stop()
}

const proxied = (): { host: string; port: number } => ({ host: '127.0.0.1', port: nginx.port })

const fresh = (name: string, parameters: Record<string, string | number> = {}): string =>
  gateway.sign(`/offloaded/${name}`, { jti: `offloaded-${++links}`, ...parameters })

const get = (target: string, { headers, ...options }: SendOptions = {}): Promise<Reply> =>
  send(proxied(), target, { ...options, headers: { connection: 'keep-alive', ...headers } })

/** The record of an answer, once it is there. */
async function recordOf({ headers }: Pick<Reply, 'headers'>): Promise<AccessRecord> {
  const id = headers['x-request-id']
  let found: AccessRecord | undefined
  await eventually(`the record of ${String(id)}`, async () => {
    found = (await gateway.records(1)).find(({ request_id }) => request_id === id)
    return found !== undefined
  })
  return found as AccessRecord
}

/** Sends a line as somebody who is not the nginx. */
async function report(text: string, from = '127.0.0.1'): Promise<void> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, from, resolve))
  await new Promise<void>((resolve) => {
    socket.send(text, logPort, '127.0.0.1', () => {
      resolve()
    })
  })
  socket.close()
}

describe('with nginx in front that delivers', () => {
  beforeAll(() => start())

  afterAll(stop)

  beforeEach(() => expectFreed(gateway))

  test('an object arrives whole, with the fields of the gateway, and the record is complete', async () => {
    const reply = await get(fresh('a.bin', { subject: 'ann' }))
    expect(reply.status).toBe(200)
    expect(reply.body.equals(SMALL)).toBe(true)
    expect(reply.headers).toMatchObject({
      'content-length': '10000',
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="a.bin"',
      'cache-control': 'private, no-store',
      'accept-ranges': 'bytes',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
    })
    expect(await recordOf(reply)).toMatchObject({
      status: 200,
      decision: 'permit',
      subject: 'ann',
      bytes: 10_000,
      coverage: 1,
      ended_by: 'complete',
      reason: null,
      detail: 'sent by nginx',
    })
    const direct = await send(gateway, fresh('a.bin'))
    expect(direct.headers.etag).toBe(reply.headers.etag)
    expect((await recordOf(direct)).detail).toBe(
      'sent by the gateway: no proxy named it in x-sluice-offload',
    )
  })

  test('no answer shows the internal path or the ticket, and the path opens nothing', async () => {
    for (const target of [fresh('a.bin'), '/offloaded/a.bin', fresh('missing.bin')]) {
      const { headers, body } = await get(target)
      const shown = JSON.stringify(headers) + body.subarray(0, 1000).toString('latin1')
      expect(shown).not.toMatch(/internal|x-accel|x-sluice/i)
    }
    expect((await get('/internal/a.bin')).status).toBe(404)
    const ticket = 'a'.repeat(32)
    const past = await send(gateway, fresh('a.bin'), {
      localAddress: A,
      headers: { 'x-sluice-offload': ticket },
    })
    expect(past.body.equals(SMALL)).toBe(true)
    expect(past.headers['x-accel-redirect']).toBeUndefined()
    expect((await recordOf(past)).detail).toBe(
      'sent by the gateway: the request came past the trusted proxies',
    )
  })

  test('a ticket that a client brings is not the one that counts', async () => {
    const headers = { 'x-sluice-offload': 'b'.repeat(32) }
    const reply = await get(fresh('a.bin'), { headers })
    expect(await recordOf(reply)).toMatchObject({ detail: 'sent by nginx', coverage: 1 })
  })

  test('names with any octets arrive', async () => {
    const path = ODD.split('/').map(encodeURIComponent).join('/')
    const reply = await get(gateway.sign(`/offloaded/${path}`))
    expect(reply.body.toString()).toBe('odd')
    expect((await recordOf(reply)).detail).toBe('sent by nginx')
  })

  test('ranges are those of nginx, and add up to the whole', async () => {
    const link = fresh('a.bin')
    const first = await get(link, { headers: { range: 'bytes=0-3999' } })
    expect([first.status, first.headers['content-range']]).toEqual([206, 'bytes 0-3999/10000'])
    expect(await recordOf(first)).toMatchObject({ status: 206, bytes: 4000, coverage: 0.4 })
    const etag = first.headers.etag ?? ''
    const rest = await get(link, { headers: { range: 'bytes=4000-', 'if-range': etag } })
    expect(rest.status).toBe(206)
    expect(Buffer.concat([first.body, rest.body]).equals(SMALL)).toBe(true)
    expect(await recordOf(rest)).toMatchObject({ status: 206, bytes: 6000, coverage: 1 })
    const other = await get(fresh('a.bin'), {
      headers: { range: 'bytes=4000-', 'if-range': '"other"' },
    })
    expect([other.status, other.body.length]).toEqual([200, 10_000])
    expect(await recordOf(other)).toMatchObject({ status: 200, coverage: 1 })
  })

  test('an HTTP origin is asked by nginx; the fields are those of the gateway', async () => {
    const link = gateway.sign('/bucket/a.bin', { filename: 'b.bin' })
    const reply = await get(link, {
      headers: { range: 'bytes=100-199', authorization: 'Basic eA==' },
    })
    expect(reply.status).toBe(206)
    expect(reply.body.equals(SMALL.subarray(100, 200))).toBe(true)
    expect(reply.headers).toMatchObject({
      'content-range': 'bytes 100-199/10000',
      'content-disposition': 'attachment; filename="b.bin"',
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
    })
    expect(await recordOf(reply)).toMatchObject({
      origin: 'bucket',
      status: 206,
      bytes: 100,
      coverage: 0.01,
      detail: 'sent by nginx',
    })
    const direct = await send(gateway, link)
    expect(reply.headers.etag).toBe(direct.headers.etag)
  })

  test('what needs no bytes the gateway answers', async () => {
    const head = await get(fresh('a.bin'), { method: 'HEAD' })
    expect([head.status, head.headers['content-length']]).toEqual([200, '10000'])
    const etag = head.headers.etag ?? ''
    const same = await get(fresh('a.bin'), { headers: { 'if-none-match': etag } })
    expect(same.status).toBe(304)
    const behind = await get(fresh('a.bin'), { headers: { range: 'bytes=20000-' } })
    expect(behind.status).toBe(416)
    expectProblem(await get(fresh('missing.bin')), 404, 'object_not_found')
    expectProblem(await get('/offloaded/a.bin'), 401, 'link_missing')
    const changed = await get(fresh('a.bin'), { headers: { 'if-none-match': '"other"' } })
    expect([changed.status, changed.body.length]).toEqual([200, 10_000])
  })

  test.each([
    [
      'a rate that connections share',
      'a.bin',
      { rate: 10_000_000 },
      {},
      'several connections may share its rate',
    ],
    ['several ranges', 'a.bin', {}, { range: 'bytes=0-9,100-109' }, 'it asks for several ranges'],
    ['a precondition', 'a.bin', {}, { 'if-match': '*' }, 'it has a precondition'],
  ])('what nginx cannot keep the gateway sends: %s', async (_, name, terms, headers, why) => {
    const reply = await get(fresh(name, terms), { headers })
    expect(reply.isComplete).toBe(true)
    expect((await recordOf(reply)).detail).toBe(`sent by the gateway: ${why}`)
  })

  test('a page that is shown keeps its sandbox', async () => {
    const reply = await get(gateway.sign('/inline/page.html'))
    expect(reply.headers['content-security-policy']).toBe('sandbox')
    expect((await recordOf(reply)).detail).toContain('nginx drops its Content-Security-Policy')
  })

  test('a rate of the only connection is kept by nginx', async () => {
    const link = gateway.sign('/single/large.bin', { rate: 1_000_000, jti: 'single' })
    const began = performance.now()
    const open = await openDownload(proxied(), link)
    const rest = open.rest()
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const seconds = (performance.now() - began) / 1000
    // nginx lets a second's worth go at once, and what is in the sockets
    expect(open.received).toBeLessThan((seconds + 1.5) * 1_000_000)
    expect(open.received).toBeGreaterThan(500_000)
    expectProblem(await get(link), 429, 'too_many_connections')
    open.kill()
    await rest
    expect(await recordOf(open)).toMatchObject({ detail: 'sent by nginx', ended_by: 'client' })
  })

  test('a client that goes away frees its place at once, with what it got', async () => {
    const open = await openDownload(proxied(), fresh('large.bin'))
    await open.read(100_000)
    expect(await downloadsOf(gateway)).toHaveLength(1)
    open.kill()
    await expectFreed(gateway)
    const record = await recordOf(open)
    expect(record).toMatchObject({ status: 200, ended_by: 'client' })
    expect(record.bytes).toBeLessThan(LARGE.length)
    expect(record.coverage).toBeLessThan(1)
    expect(record.coverage).toBeGreaterThan(0)
  })

  test('a limit of one download holds while nginx delivers', async () => {
    const link = fresh('large.bin', { max_parallel_downloads: 1 })
    const first = await openDownload(proxied(), link, { localAddress: A })
    await first.read(1000)
    expectProblem(await get(link, { localAddress: B }), 429, 'too_many_downloads')
    expect((await first.rest()).isComplete).toBe(true)
    await expectFreed(gateway)
    expect((await get(link, { localAddress: B })).status).toBe(200)
  })

  test('a one-time link is spent by what nginx says it sent, and not by less', async () => {
    const link = fresh('a.bin', { multi_use: 'false' })
    await get(link, { headers: { range: 'bytes=0-999' } })
    await expectFreed(gateway)
    const rest = await get(link, { headers: { range: 'bytes=1000-' } })
    expect(rest.status).toBe(206)
    await recordOf(rest)
    expectProblem(await get(link), 410, 'link_used')
    const cut = fresh('large.bin', { multi_use: 'false' })
    const open = await openDownload(proxied(), cut, { localAddress: A })
    await open.read(100_000)
    expectProblem(await get(cut, { localAddress: B }), 429, 'too_many_downloads')
    open.kill()
    await expectFreed(gateway)
    expect((await get(cut, { localAddress: B })).isComplete).toBe(true)
  })

  test('an end that nobody may tell changes nothing', async () => {
    const open = await openDownload(proxied(), fresh('large.bin'))
    await open.read(1000)
    const line = (ticket: string): string =>
      `<190>Nov 21 14:40:34 sluice: ${ticket} 200 ${LARGE.length} "OK" ""`
    await report(line('c'.repeat(32)))
    await report(line(String(open.headers['x-request-id'])))
    await report('\0'.repeat(2000))
    await report('')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await downloadsOf(gateway)).toHaveLength(1)
    open.kill()
  })
})

describe('when nginx does not tell the end', () => {
  beforeAll(() => start({ holdSeconds: 2 }))

  afterAll(stop)

  test('a place is free after its time, and all that was asked counts as sent', async () => {
    const link = fresh('large.bin', { multi_use: 'false', max_parallel_downloads: 1 })
    const open = await openDownload(proxied(), link, { localAddress: A })
    await open.read(1000)
    const rest = open.rest()
    await nginx.kill()
    expect((await rest).isComplete).toBe(false)
    expect(await downloadsOf(gateway)).toHaveLength(1)
    await expectFreed(gateway, 10_000)
    const record = await recordOf(open)
    expect(record).toMatchObject({ ended_by: 'gateway', coverage: 1, bytes: 0 })
    expect(record.detail).toContain('did not say how it ended')
    expectProblem(await send(gateway, link, { localAddress: A }), 410, 'link_used')
  })
})
