import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { openDownload, send } from '../support/http-client.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const SLOW_RATE = 20_000
const SIZE = 1024 * 1024
const [HOME, AWAY, FARTHER] = ['198.51.100.1', '203.0.113.1', '192.0.2.1']
const sharing = (more: object): object => ({
  antiFraud: { default: true, sharing: { maxNetworks: 1, ...more } },
})
const POLICIES = {
  slow: sharing({ action: 'slow', slowBytesPerSecond: SLOW_RATE }),
  revoke: sharing({ action: 'revoke', maxNetworks: null, subject: { maxNetworks: 1 } }),
  watch: sharing({ action: 'observe' }),
  deny: sharing({}),
}

let gateway: TestGateway
let links = 0

beforeAll(async () => {
  gateway = await startTestGateway({
    files: { 'a.bin': Buffer.alloc(SIZE) },
    policies: POLICIES,
    config: { server: { trustedProxies: ['127.0.0.1'] } },
    routes: routePerPolicy(Object.keys(POLICIES)),
  })
})

afterAll(async () => {
  await gateway.close()
})

const fresh = (policy: string, more: Record<string, string> = {}): string =>
  gateway.sign(`/${policy}/a.bin`, { jti: `sharing-${++links}`, ...more })

const from = (client: string): { headers: Record<string, string> } => ({
  headers: { 'x-forwarded-for': client, 'user-agent': 'Player/1.0' },
})

async function recordOf(jti: string, client: string): Promise<AccessRecord> {
  let found: AccessRecord | undefined
  await eventually(`the record of ${jti} from ${client}`, async () => {
    const records = await gateway.records(1)
    found = records.find((record) => record.link_id === jti && record.client === client)
    return found !== undefined
  })
  return found!
}

test('who comes in addition is slowed, all of them together, and the welcome are not', async () => {
  const link = fresh('slow', { jti: 'slowed' })
  expect((await send(gateway, link, from(HOME))).body).toHaveLength(SIZE)
  const slow = await openDownload(gateway, link, from(AWAY))
  const slower = await openDownload(gateway, link, from(FARTHER))
  const rests = [slow.rest(), slower.rest()]
  const began = performance.now()
  expect((await send(gateway, link, from(HOME))).body).toHaveLength(SIZE)
  await eventually('bytes of the slowed', () => Promise.resolve(slow.received > 0))
  const seconds = (performance.now() - began) / 1000
  const received = slow.received + slower.received
  expect([slow.status, slower.status]).toEqual([200, 200])
  // the burst of the bucket and what was sent before the clock began come on top
  expect(received).toBeLessThan(SLOW_RATE * (seconds + 2))
  expect(received).toBeLessThan(SIZE / 4)
  slow.kill()
  slower.kill()
  await Promise.all(rests)
  expect(await recordOf('slowed', AWAY)).toMatchObject({
    decision: 'permit',
    reason: null,
    observed: 'link_shared',
    observed_detail: '2 networks in 24 h: 198.51.100.0/24 (unknown), 203.0.113.0/24 (unknown)',
  })
})

test('inspecting says that a download would be slowed', async () => {
  const link = fresh('slow')
  await send(gateway, link, from(HOME))
  const body = { url: link, as: { ip: AWAY } }
  const answer = await gateway.admin('/v1/links/inspect', { method: 'POST', body })
  const { decision, trace } = (await answer.json()) as { decision: string; trace: object[] }
  expect(decision).toBe('permit')
  expect(trace).toContainEqual(expect.objectContaining({ rule: 'sharing', outcome: 'slow' }))
})

test('a shared name loses all its links, another name none', async () => {
  const [one, two] = [fresh('revoke', { subject: 'ann' }), fresh('revoke', { subject: 'ann' })]
  expect((await send(gateway, one, from(HOME))).status).toBe(200)
  expectProblem(await send(gateway, two, from(AWAY)), 403, 'link_shared')
  expectProblem(await send(gateway, one, from(HOME)), 410, 'link_revoked')
  expect((await send(gateway, fresh('revoke', { subject: 'bob' }), from(AWAY))).status).toBe(200)
  const { revocations } = (await (await gateway.admin('/v1/revocations')).json()) as {
    revocations: object[]
  }
  expect(revocations).toEqual([
    expect.objectContaining({
      subject: 'ann',
      note: expect.stringMatching(/^shared: for the subject: 2 networks/) as string,
    }),
  ])
})

test('records name the device where anti-fraud is on, and only there', async () => {
  await send(gateway, fresh('deny', { jti: 'with' }), from(HOME))
  await send(gateway, fresh('deny', { jti: 'without', anti_fraud: 'false' }), from(HOME))
  expect(await recordOf('with', HOME)).toMatchObject({
    anti_fraud: true,
    device: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
    asn: null,
    observed_detail: null,
  })
  expect(await recordOf('without', HOME)).toMatchObject({ anti_fraud: false, device: null })
})

test('what is observed says in the record what was seen', async () => {
  const link = fresh('watch', { jti: 'watched' })
  for (const client of [HOME, AWAY])
    expect((await send(gateway, link, from(client))).status).toBe(200)
  expect((await recordOf('watched', AWAY)).observed_detail).toMatch(/^2 networks in 24 h/)
})
