import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sha256 } from '../../src/base/bytes.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { send } from '../support/http-client.ts'
import { NOW } from '../support/request-parts.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const POLICIES = {
  block: { networks: { block: ['pirates'] } },
  allow: { networks: { allow: ['friends'] } },
  fraud: { antiFraud: { default: true, lists: ['pirates'] } },
  tor: { antiFraud: { default: true, anonymizers: { tor: 'deny' } } },
}
const [V4, V6] = ['203.0.113.7', '2001:db8:0:7::9']

const clock = new FakeClock(NOW)
let gateway: TestGateway

async function start(directory?: string): Promise<TestGateway> {
  return startTestGateway({
    ...(directory !== undefined && { directory }),
    clock,
    files: { 'a.bin': 'object', 'pirates.netset': '198.51.100.0/24\n' },
    policies: POLICIES,
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      lists: {
        pirates: { file: '../library/pirates.netset' },
        friends: {},
        exits: { anonymizer: 'tor' },
      },
    },
    routes: routePerPolicy(Object.keys(POLICIES)),
  })
}

beforeAll(async () => {
  gateway = await start()
})

afterAll(async () => {
  await gateway.close()
})

const entry = (method: string, path: string, body?: unknown) =>
  gateway.admin(`/v1/lists/${path}`, { method, body })

const ask = (client: string, policy = 'block') => {
  const target = gateway.sign(`/${policy}/a.bin`, { Expires: NOW + 1_000_000 })
  return send(gateway, target, { headers: { 'x-forwarded-for': client } })
}
const statusOf = async (client: string, policy?: string): Promise<number> =>
  (await ask(client, policy)).status

beforeEach(async () => {
  for (const list of ['pirates', 'friends', 'exits']) {
    const { entries } = (await (await entry('GET', list)).json()) as { entries: { cidr: string }[] }
    for (const { cidr } of entries) await entry('DELETE', `${list}/${cidr}`)
  }
})

describe('an entry by API', () => {
  test('keeps the next download out, and lets the one after its removal in', async () => {
    expect(await statusOf(V4)).toBe(200)
    expect((await entry('PUT', 'pirates/203.0.113.0/24')).status).toBe(201)
    expectProblem(await ask(V4), 403, 'network_blocked')
    expect(await statusOf('203.0.114.7')).toBe(200)
    expect((await entry('DELETE', 'pirates/203.0.113.0%2F24')).status).toBe(204)
    expect(await statusOf(V4)).toBe(200)
  })

  test('of an IPv6 /64 binds every address in it and none beside it', async () => {
    expect((await entry('PUT', 'pirates/2001:db8:0:7::/64')).status).toBe(201)
    expectProblem(await ask(V6), 403, 'network_blocked')
    expectProblem(await ask('2001:db8:0:7:ffff::1'), 403, 'network_blocked')
    expect(await statusOf('2001:db8:0:8::9')).toBe(200)
  })

  test('ends when it said', async () => {
    await entry('PUT', `pirates/${V4}`, { expires_in: 600 })
    clock.advance(599)
    expect(await statusOf(V4)).toBe(403)
    clock.advance(1)
    expect(await statusOf(V4)).toBe(200)
  })

  test('ends at a time that can be stored and read again', async () => {
    const refused = await entry('PUT', `pirates/${V4}`, { expires_in: Number.MAX_SAFE_INTEGER })
    expect(refused.status).toBe(422)
    const last = { expires_at: Number.MAX_SAFE_INTEGER }
    expect((await entry('PUT', `pirates/${V4}`, last)).status).toBe(201)
    expect(await (await entry('GET', 'pirates')).json()).toMatchObject({ entries: [last] })
  })

  test('binds every policy that names the list, and anti-fraud by lists and by kind', async () => {
    expect([await statusOf(V4, 'allow'), await statusOf(V4, 'fraud')]).toEqual([403, 200])
    await entry('PUT', `friends/${V4}`)
    await entry('PUT', `pirates/${V4}`)
    expect([await statusOf(V4, 'allow'), await statusOf(V4, 'fraud')]).toEqual([200, 403])
    expect(await statusOf(V4, 'tor')).toBe(200)
    await entry('PUT', `exits/${V4}`)
    expectProblem(await ask(V4, 'tor'), 403, 'anonymizer_blocked')
  })

  test('takes nothing off that the source of the list holds', async () => {
    const refused = await entry('DELETE', 'pirates/198.51.100.7')
    expect(refused.status).toBe(404)
    expect(await refused.json()).toMatchObject({
      code: 'list_entry_not_found',
      detail: expect.stringContaining('source of the list'),
    })
    expect(await statusOf('198.51.100.7')).toBe(403)
  })

  test('outlives a reload and a restart, and its end is kept', async () => {
    await entry('PUT', `pirates/${V4}`, { note: 'abuse' })
    await entry('PUT', `pirates/${V6}`, { expires_in: 600 })
    expect(await gateway.gateway.reload()).toBe(true)
    expect([await statusOf(V4), await statusOf(V6)]).toEqual([403, 403])
    const { directory } = gateway
    await gateway.close({ keepDirectory: true })
    gateway = await start(directory)
    expect([await statusOf(V4), await statusOf(V6)]).toEqual([403, 403])
    clock.advance(600)
    expect([await statusOf(V4), await statusOf(V6)]).toEqual([403, 200])
  })

  test('is counted among the lists and written to the audit log', async () => {
    const added = await entry('PUT', `pirates/${V4}`, { note: 'abuse' })
    const { added_by } = (await added.json()) as { added_by: string }
    const { lists } = (await (await gateway.admin('/v1/lists')).json()) as { lists: object[] }
    expect(lists).toEqual([
      expect.objectContaining({ name: 'pirates', source: 'file', entries: 1, added: 1 }),
      expect.objectContaining({ name: 'friends', source: 'api', entries: 0, added: 0 }),
      expect.objectContaining({ name: 'exits', anonymizer: 'tor', added: 0 }),
    ])
    const lines = readFileSync(join(gateway.directory, 'audit.jsonl'), 'utf8').trim().split('\n')
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      actor: added_by,
      action: 'list.add',
      target: { list: 'pirates', cidr: V4, note: 'abuse' },
    })
  })
})

test('a token without the scope changes nothing', async () => {
  const file = join(gateway.directory, 'keys/admin-tokens.json')
  const tokens = JSON.parse(readFileSync(file, 'utf8')) as object[]
  const reader = { id: 'reader', sha256: sha256('reader-token').toString('hex'), scopes: ['read'] }
  writeFileSync(file, JSON.stringify([...tokens, reader]))
  expect(await gateway.gateway.reload()).toBe(true)
  const refused = await gateway.admin(`/v1/lists/pirates/${V4}`, {
    method: 'PUT',
    headers: { authorization: 'Bearer reader-token' },
  })
  expect([refused.status, await refused.json()]).toMatchObject([403, { code: 'forbidden' }])
  expect(await statusOf(V4)).toBe(200)
})
