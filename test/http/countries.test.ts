import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { type Reply, send } from '../support/http-client.ts'
import { makeMmdb } from '../support/mmdb.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

/** Addresses of the packaged data, and one that no data may place. */
const [US, GB, DE, DE6] = ['8.8.8.8', '212.58.244.1', '5.9.0.1', '2a01:4f8::1']
const PRIVATE = '192.168.2.1'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    files: { 'a.txt': 'object' },
    policies: {
      allow: { countries: { allow: ['DE', 'GB'] } },
      block: { countries: { block: ['US'] } },
      watch: { countries: { allow: ['DE'], enforcement: 'observe' } },
    },
    config: { server: { trustedProxies: ['127.0.0.1'] } },
    routes: routePerPolicy(['default', 'allow', 'block', 'watch']),
  })
})

afterAll(async () => {
  await gateway.close()
})

const ask = (target: string, client: string): Promise<Reply> =>
  send(gateway, target, { headers: { 'x-forwarded-for': client } })

async function recordWhere(fits: (record: AccessRecord) => boolean): Promise<AccessRecord> {
  let found: AccessRecord | undefined
  await eventually('the record is written', async () => {
    found = (await gateway.records(1)).find(fits)
    return found !== undefined
  })
  return found!
}

const COUNTRY = 'country_not_allowed'

describe('countries of a policy', () => {
  test.each([
    { policy: 'allow', open: [DE, DE6, GB], shut: [US, PRIVATE, '::1'] },
    { policy: 'block', open: [DE, DE6, GB], shut: [US, PRIVATE, '::1'] },
    { policy: 'default', open: [DE, US, PRIVATE], shut: [] },
  ])('"$policy" lets in $open and keeps out $shut', async ({ policy, open, shut }) => {
    for (const client of open) {
      const reply = await ask(gateway.sign(`/${policy}/a.txt`), client)
      expect(reply.status, client).toBe(200)
    }
    for (const client of shut) {
      expectProblem(await ask(gateway.sign(`/${policy}/a.txt`), client), 403, COUNTRY)
    }
  })

  test('that are observed let pass; the record has the country and what was observed', async () => {
    expect((await ask(gateway.sign('/watch/a.txt', { jti: 'watched' }), US)).status).toBe(200)
    const found = await recordWhere(({ link_id }) => link_id === 'watched')
    expect(found).toMatchObject({ client: US, country: 'US', observed: COUNTRY })
  })

  test('a request that is refused for another reason has its country in the record as well', async () => {
    expectProblem(await ask('/default/a.txt?from=gb', GB), 401, 'link_missing')
    const { country } = await recordWhere(({ client, status }) => client === GB && status === 401)
    expect(country).toBe('GB')
  })
})

describe('access rules of a link', () => {
  const country = (action: string, ...codes: string[]): object => ({
    type: 'ip.geoip.country',
    action,
    country: codes,
  })
  const from = (action: string, ...ip: string[]): object => ({ type: 'ip.src', action, ip })
  const any = (action: string): object => ({ type: 'any', action })

  test.each<{ rules: object[]; open: string[]; shut: string[] }>([
    { rules: [country('allow', 'DE', 'GB'), any('block')], open: [DE, DE6, GB], shut: [US] },
    { rules: [country('block', 'US')], open: [DE, GB], shut: [US, PRIVATE] },
    {
      rules: [from('allow', `${US}/32`), country('block', 'US')],
      open: [US, DE],
      shut: ['8.8.4.4', PRIVATE],
    },
    {
      rules: [country('block', 'US'), from('allow', `${US}/32`), any('block')],
      open: [],
      shut: [US, DE],
    },
    { rules: [country('allow', 'DE'), any('block')], open: [DE], shut: [PRIVATE] },
  ])('$rules are asked in order', async ({ rules, open, shut }) => {
    const link = gateway.sign('/default/a.txt', { accessRules: JSON.stringify(rules) })
    for (const client of open) expect((await ask(link, client)).status, client).toBe(200)
    for (const client of shut) expectProblem(await ask(link, client), 403, COUNTRY)
  })

  test('can be minted, and inspecting says what they do for an address', async () => {
    const accessRules = [country('allow', 'DE'), any('block')]
    const minted = await gateway.admin('/v1/links', {
      method: 'POST',
      body: { path: '/default/a.txt', accessRules },
    })
    expect(minted.status).toBe(201)
    const { url } = (await minted.json()) as { url: string }
    const inspect = async (ip: string): Promise<unknown> =>
      (
        await gateway.admin('/v1/links/inspect', { method: 'POST', body: { url, as: { ip } } })
      ).json()
    expect(await inspect(DE)).toMatchObject({ decision: 'permit' })
    expect(await inspect(US)).toMatchObject({
      decision: 'deny',
      code: COUNTRY,
      detail: 'accessRules: any blocks 8.8.8.8 in US',
      trace: expect.arrayContaining([
        expect.objectContaining({ rule: 'access-rules', outcome: 'refuse' }),
      ]) as unknown,
    })
  })
})

test('a reload takes a new database, and a broken one leaves the last in force', async () => {
  const own = await startTestGateway({
    files: { 'a.txt': 'object', 'own.mmdb': makeMmdb({ '8.8.8.0/24': { country_code: 'SE' } }) },
    policies: { default: { countries: { allow: ['SE'] } } },
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      geo: { country: '../library/own.mmdb' },
    },
  })
  const status = async (): Promise<number> => {
    const headers = { 'x-forwarded-for': US }
    return (await send(own, own.sign('/files/a.txt'), { headers })).status
  }
  const file = join(own.root, 'own.mmdb')
  try {
    expect(await status()).toBe(200)
    writeFileSync(file, makeMmdb({ '8.8.8.0/24': { country: { iso_code: 'US' } } }))
    expect(await status()).toBe(200)
    expect(await own.gateway.reload()).toBe(true)
    expect(await status()).toBe(403)
    writeFileSync(file, makeMmdb({ '8.8.8.0/24': { country_code: 'SE' } }).subarray(0, 90))
    expect(await own.gateway.reload()).toBe(false)
    expect(own.logged.at(-1)).toMatch(/geo\.country: is no mmdb database/)
    expect(await status()).toBe(403)
  } finally {
    await own.close()
  }
})
