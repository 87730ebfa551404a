import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { expectFreed } from '../support/figures.ts'
import { type Reply, send, type SendOptions } from '../support/http-client.ts'
import { ObjectServer } from '../support/object-server.ts'
import { KID, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const BYTES = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 251))
const NAME = 'ä b.bin'
const PATH = `/files/${encodeURIComponent(NAME)}`

/** Where the objects lie: another gateway, which the clients reach by links of its own. */
let place: TestGateway
let origin: ObjectServer
let gateway: TestGateway
let links = 0

beforeAll(async () => {
  origin = await ObjectServer.start(new Map([[NAME, BYTES]]))
  place = await startTestGateway({ files: { [NAME]: BYTES } })
  gateway = await startTestGateway({
    secret: place.secret,
    policies: {
      redirected: { delivery: { offload: 'redirect' } },
      counted: { delivery: { offload: 'redirect' }, parallel: { maxDownloads: 4 } },
    },
    config: {
      origins: {
        bucket: {
          type: 'http',
          url: origin.url,
          presign: { scheme: 'sluice-hmac', key: KID, url: `${place.url}/files/` },
        },
      },
      offload: { redirectSeconds: 30 },
    },
    routes: [
      { path: '/files/', origin: 'bucket', policy: 'redirected', schemes: ['sluice-hmac'] },
      { path: '/counted/', origin: 'bucket', policy: 'counted', schemes: ['sluice-hmac'] },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await place.close()
  await origin.stop()
})

const now = (): number => Math.floor(Date.now() / 1000)

const get = (parameters: Record<string, string | number> = {}, options?: SendOptions) =>
  send(gateway, gateway.sign(PATH, { jti: `redirected-${++links}`, ...parameters }), options)

async function recordOf({ headers }: Reply): Promise<AccessRecord> {
  const id = headers['x-request-id']
  let found: AccessRecord | undefined
  await eventually('the record', async () => {
    found = (await gateway.records(1)).find(({ request_id }) => request_id === id)
    return found !== undefined
  })
  return found as AccessRecord
}

/** Where a redirect leads, and until when. */
function locationOf(reply: Reply): { readonly target: string; readonly expires: number } {
  expect(reply.status).toBe(302)
  const url = new URL(reply.headers.location ?? '')
  expect(url.host).toBe(place.host + ':' + place.port)
  return { target: url.pathname + url.search, expires: Number(url.searchParams.get('Expires')) }
}

test('a client is sent to the place itself, by a link that lives for a moment', async () => {
  const reply = await get({ subject: 'ann' })
  const { target, expires } = locationOf(reply)
  expect(expires).toBeGreaterThan(now() + 20)
  expect(expires).toBeLessThanOrEqual(now() + 30)
  expect(reply.headers).toMatchObject({
    'cache-control': 'private, no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'access-control-allow-origin': '*',
  })
  expect(reply.body).toHaveLength(0)
  const delivered = await send(place, target, { headers: { range: 'bytes=100-' } })
  expect([delivered.status, delivered.body.equals(BYTES.subarray(100))]).toEqual([206, true])
  expect(await recordOf(reply)).toMatchObject({
    status: 302,
    decision: 'permit',
    subject: 'ann',
    bytes: 0,
    coverage: 0,
    ended_by: 'complete',
    detail: 'redirected to the origin, for 30 s',
  })
  await expectFreed(gateway)
})

test('the link to the place never outlives the link of the client', async () => {
  const Expires = now() + 9
  expect(locationOf(await get({ Expires })).expires).toBeLessThanOrEqual(Expires)
})

test('a seeking player is redirected as often as it asks', async () => {
  const target = gateway.sign(PATH, { jti: 'seeking' })
  for (let i = 0; i < 40; i++) {
    const headers = { range: `bytes=${i * 100}-` }
    expect((await send(gateway, target, { headers })).status).toBe(302)
  }
})

test('what needs no bytes the gateway answers, and refuses as ever', async () => {
  const head = await get({}, { method: 'HEAD' })
  expect([head.status, head.headers['content-length']]).toEqual([200, '10000'])
  const same = await get({}, { headers: { 'if-none-match': head.headers.etag ?? '' } })
  expect(same.status).toBe(304)
  expectProblem(await send(gateway, PATH), 401, 'link_missing')
  expectProblem(await send(gateway, gateway.sign('/files/no.bin')), 404, 'object_not_found')
  expectProblem(await get({ ip: '192.0.2.1' }), 403, 'address_not_allowed')
})

test.each([
  ['a rate', { rate: 10_000_000 }, 'its rate is limited'],
  ['limited uses', { multi_use: 'false' }, 'its uses are limited'],
  ['limited downloads', { max_parallel_downloads: 2 }, 'its downloads are limited'],
  ['an address', { ip: '127.0.0.1' }, 'it is bound to an address'],
  [
    'access rules by address',
    { accessRules: '[{"type":"ip.src","action":"allow","ip":["127.0.0.1/32"]}]' },
    'it is bound to an address',
  ],
])('a link with %s is served by the gateway', async (_, parameters, why) => {
  const reply = await get(parameters)
  expect([reply.status, reply.body.equals(BYTES)]).toEqual([200, true])
  expect((await recordOf(reply)).detail).toBe(`sent by the gateway: ${why}`)
})

test('so are all links of a policy that limits downloads', async () => {
  const reply = await send(gateway, gateway.sign(PATH.replace('files', 'counted')))
  expect(reply.body.equals(BYTES)).toBe(true)
  expect((await recordOf(reply)).detail).toBe('sent by the gateway: its downloads are limited')
})
