import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openDownload, send } from '../support/http-client.ts'
import { NOW } from '../support/request-parts.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

/** Four networks in Germany, and one each elsewhere. */
const HOMES = ['5.9.0.1', '5.9.1.1', '5.9.2.1', '5.9.3.1'] as const
const [US, GB] = ['8.8.8.8', '212.58.244.1']
const PIRATE = '46.4.0.9'
const ANTI_FRAUD = { anti_fraud: 'true' }
const POLICIES = {
  shared: { antiFraud: { lists: ['pirates'] } },
  always: { antiFraud: { default: true, lists: ['pirates'] } },
  watch: { antiFraud: { sharing: { action: 'observe' } } },
  revoke: { antiFraud: { sharing: { action: 'revoke', maxNetworks: 1 } } },
}

const clock = new FakeClock(NOW)
let gateway: TestGateway
let links = 0

async function start(directory?: string): Promise<TestGateway> {
  return startTestGateway({
    ...(directory !== undefined && { directory }),
    clock,
    files: {
      'a.bin': 'object',
      'large.bin': Buffer.alloc(16 * 1024 * 1024),
      'pirates.netset': '46.4.0.0/16\n',
    },
    policies: POLICIES,
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      lists: { pirates: { file: '../library/pirates.netset' } },
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

const fresh = (path: string, more: Record<string, string | number> = ANTI_FRAUD): string =>
  gateway.sign(path, { jti: `fraud-${++links}`, Expires: NOW + 1_000_000, ...more })

const ask = (target: string, client: string, more: { method?: string; range?: string } = {}) => {
  const { method = 'GET', range } = more
  const headers = { 'x-forwarded-for': client, ...(range !== undefined && { range }) }
  return send(gateway, target, { method, headers })
}

const statuses = async (target: string, clients: readonly string[]): Promise<number[]> => {
  const found: number[] = []
  for (const client of clients) found.push((await ask(target, client)).status)
  return found
}

/** The records of a link, once all of them are written. */
async function recordsOf(jti: string, count: number): Promise<AccessRecord[]> {
  let found: AccessRecord[] = []
  await eventually(`${count} records of ${jti}`, async () => {
    found = (await gateway.records(1)).filter(({ link_id }) => link_id === jti)
    return found.length >= count
  })
  return found
}

describe('lists', () => {
  test('keep a listed address out of a link with anti-fraud, and of no other', async () => {
    expectProblem(await ask(fresh('/shared/a.bin'), PIRATE), 403, 'network_blocked')
    expect((await ask(fresh('/shared/a.bin', {}), PIRATE)).status).toBe(200)
    expect((await ask(fresh('/shared/a.bin'), HOMES[0])).status).toBe(200)
  })

  test('by default of the policy bind links that do not say', async () => {
    expectProblem(await ask(fresh('/always/a.bin', {}), PIRATE), 403, 'network_blocked')
    expect((await ask(fresh('/always/a.bin', { anti_fraud: 'false' }), PIRATE)).status).toBe(200)
  })
})

describe('sharing', () => {
  test('three networks download by a link, a fourth does not, and the three go on', async () => {
    const link = fresh('/shared/a.bin', { ...ANTI_FRAUD, jti: 'fourth' })
    expect(await statuses(link, HOMES)).toEqual([200, 200, 200, 403])
    expectProblem(await ask(link, HOMES[3]), 403, 'link_shared')
    expect(await statuses(link, ['5.9.0.77', HOMES[1], HOMES[2]])).toEqual([200, 200, 200])
    const records = await recordsOf('fourth', 8)
    expect(records.find(({ status }) => status === 403)?.detail).toBe(
      '4 networks in 24 h: 5.9.0.0/24 (DE), 5.9.1.0/24 (DE), 5.9.2.0/24 (DE), 5.9.3.0/24 (DE)',
    )
  })

  test('without anti-fraud the same requests pass', async () => {
    const link = fresh('/shared/a.bin', {})
    expect(await statuses(link, [...HOMES, US, GB])).toEqual(Array.from({ length: 6 }, () => 200))
  })

  test('two countries download by a link, a third does not', async () => {
    const link = fresh('/shared/a.bin')
    expect(await statuses(link, [HOMES[0], GB, US, GB])).toEqual([200, 200, 403, 200])
  })

  test('each link is counted by itself', async () => {
    for (const home of HOMES) expect((await ask(fresh('/shared/a.bin'), home)).status).toBe(200)
  })

  test('what sends no bytes takes no place: HEAD, a wrong range, a missing object, a refusal', async () => {
    const link = fresh('/shared/a.bin')
    const gone = gateway.sign('/shared/none.bin', { jti: 'none', ...ANTI_FRAUD, Expires: NOW + 9 })
    for (const home of HOMES) {
      expect((await ask(link, home, { method: 'HEAD' })).status).toBe(200)
      expect((await ask(link, home, { range: 'bytes=900-' })).status).toBe(416)
      expect((await ask(gone, home)).status).toBe(404)
      expect((await ask(link, PIRATE)).status).toBe(403)
    }
    expect(await statuses(link, HOMES)).toEqual([200, 200, 200, 403])
  })

  test('of networks that come at the same moment no more get in than may', async () => {
    const link = fresh('/shared/large.bin')
    const clients = Array.from({ length: 12 }, (_, i) => `5.9.${i}.1`)
    const open = await Promise.all(
      clients.map((client) =>
        openDownload(gateway, link, { headers: { 'x-forwarded-for': client } }),
      ),
    )
    const found = open.map(({ status }) => status).toSorted((x, y) => x - y)
    for (const download of open) download.kill()
    expect(found).toEqual([200, 200, 200, ...Array.from({ length: 9 }, () => 403)])
  })

  test('a network is forgotten when the window after its last download is over', async () => {
    const link = fresh('/shared/a.bin')
    expect(await statuses(link, HOMES)).toEqual([200, 200, 200, 403])
    clock.advance(86_399)
    expect(await statuses(link, [HOMES[3], HOMES[0]])).toEqual([403, 200])
    clock.advance(1)
    expect(await statuses(link, [HOMES[3], US, GB])).toEqual([200, 200, 403])
  })

  test('that is observed lets pass and is in the record', async () => {
    const link = fresh('/watch/a.bin', { ...ANTI_FRAUD, jti: 'watched' })
    expect(await statuses(link, HOMES)).toEqual([200, 200, 200, 200])
    const records = await recordsOf('watched', 4)
    expect(records.map(({ observed }) => observed)).toEqual([null, null, null, 'link_shared'])
  })

  test('that revokes withdraws the link for all, with a note, and no other link', async () => {
    const link = fresh('/revoke/a.bin', { ...ANTI_FRAUD, jti: 'withdrawn' })
    expect((await ask(link, HOMES[0])).status).toBe(200)
    expect((await ask(link, HOMES[1], { method: 'HEAD' })).status).toBe(403)
    expect((await ask(link, HOMES[0])).status).toBe(200)
    expectProblem(await ask(link, HOMES[1]), 403, 'link_shared')
    expectProblem(await ask(link, HOMES[0]), 410, 'link_revoked')
    expect((await ask(fresh('/revoke/a.bin'), HOMES[0])).status).toBe(200)
    const { revocations } = (await (await gateway.admin('/v1/revocations')).json()) as {
      revocations: object[]
    }
    expect(revocations).toEqual([
      expect.objectContaining({
        link_id: 'withdrawn',
        kid: gateway.kid,
        note: 'shared: 2 networks in 24 h: 5.9.0.0/24 (DE), 5.9.1.0/24 (DE)',
      }),
    ])
  })

  test('inspecting says it without taking a place', async () => {
    const link = fresh('/shared/a.bin')
    expect(await statuses(link, HOMES.slice(0, 3))).toEqual([200, 200, 200])
    const inspect = async (ip: string): Promise<unknown> => {
      const body = { url: link, as: { ip } }
      return (await gateway.admin('/v1/links/inspect', { method: 'POST', body })).json()
    }
    expect(await inspect(HOMES[3])).toMatchObject({ decision: 'deny', code: 'link_shared' })
    expect(await inspect(HOMES[0])).toMatchObject({ decision: 'permit' })
  })

  test('a restart forgets nothing', async () => {
    const link = fresh('/shared/a.bin')
    expect(await statuses(link, HOMES.slice(0, 3))).toEqual([200, 200, 200])
    const { directory } = gateway
    await gateway.close({ keepDirectory: true })
    gateway = await start(directory)
    expect(await statuses(link, HOMES)).toEqual([200, 200, 200, 403])
  })
})
