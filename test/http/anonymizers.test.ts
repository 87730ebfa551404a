import { renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { type Reply, send } from '../support/http-client.ts'
import { makeMmdb } from '../support/mmdb.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const VPN = '8.8.8.8'
const PROXY = '8.8.9.8'
const HOUSEHOLD_PROXY = '8.8.10.8'
const DATA_CENTRE = '8.8.11.8'
const TOR_BY_DATA = '8.8.12.8'
const TOR_BY_LIST = '46.5.0.9'
const RELAY = '8.8.11.99'
const NOBODY = '5.9.0.1'

const ANONYMOUS = {
  '8.8.8.0/24': { is_anonymous: true, is_anonymous_vpn: true },
  '8.8.9.0/24': { is_anonymous: true, is_public_proxy: true },
  '8.8.10.0/24': { is_anonymous: true, is_residential_proxy: true },
  '8.8.11.0/24': { is_anonymous: true, is_hosting_provider: true },
  '8.8.12.0/24': { is_anonymous: true, is_tor_exit_node: true },
}

/** Says nothing of sharing, so that one link serves all clients. */
const UNLIMITED = { maxNetworks: null, maxCountries: null, heuristics: { minSignals: null } }

/** A policy that allows every kind but those. */
const only = (kinds: object): object => ({
  antiFraud: {
    default: true,
    sharing: UNLIMITED,
    anonymizers: {
      tor: 'allow',
      vpn: 'allow',
      publicProxy: 'allow',
      residentialProxy: 'allow',
      hosting: 'allow',
      relay: 'allow',
      ...kinds,
    },
  },
})

const POLICIES = {
  default: { antiFraud: { sharing: UNLIMITED } },
  tor: only({ tor: 'deny' }),
  proxies: only({ publicProxy: 'deny', residentialProxy: 'observe' }),
  hosting: only({ hosting: 'deny' }),
  relays: only({ relay: 'deny' }),
  'same-as': { address: { tolerance: 'asn' } },
}

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    files: {
      'a.txt': 'object',
      'asn.mmdb': makeMmdb({
        '8.8.8.0/24': { autonomous_system_number: 64_501 },
        '46.5.0.0/16': { autonomous_system_number: 64_501 },
        '5.9.0.0/16': { autonomous_system_number: 64_502 },
      }),
      'anonymous.mmdb': makeMmdb(ANONYMOUS),
      'tor.txt': `# exits\n${TOR_BY_LIST}\n`,
      'relays.csv': `${RELAY}/32,US,US-CA,Los Angeles,\n`,
    },
    policies: POLICIES,
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      geo: {
        asn: '../library/asn.mmdb',
        anonymous: '../library/anonymous.mmdb',
        refreshSeconds: 0.05,
      },
      lists: {
        exits: { file: '../library/tor.txt', format: 'tor-exit' },
        relays: { file: '../library/relays.csv', format: 'icloud-relay' },
      },
    },
    routes: routePerPolicy(Object.keys(POLICIES)),
  })
})

afterAll(async () => {
  await gateway.close()
})

const ask = (target: string, client: string): Promise<Reply> =>
  send(gateway, target, { headers: { 'x-forwarded-for': client } })

async function recordOf(linkId: string): Promise<AccessRecord> {
  let found: AccessRecord | undefined
  await eventually('the record is written', async () => {
    found = (await gateway.records(1)).find(({ link_id }) => link_id === linkId)
    return found !== undefined
  })
  return found!
}

/** As vendors' updaters do it: a new file takes the place of the old one. */
function replace(name: string, bytes: Buffer): void {
  const file = join(gateway.root, name)
  writeFileSync(`${file}.new`, bytes)
  renameSync(`${file}.new`, file)
}

describe('anonymizers', () => {
  test.each([
    {
      policy: 'default',
      open: [NOBODY, RELAY, DATA_CENTRE],
      shut: [VPN, PROXY, HOUSEHOLD_PROXY, TOR_BY_DATA, TOR_BY_LIST],
    },
    { policy: 'tor', open: [NOBODY, VPN, PROXY], shut: [TOR_BY_DATA, TOR_BY_LIST] },
    { policy: 'proxies', open: [VPN, HOUSEHOLD_PROXY, TOR_BY_LIST], shut: [PROXY] },
    { policy: 'hosting', open: [NOBODY, VPN, RELAY], shut: [DATA_CENTRE] },
    { policy: 'relays', open: [NOBODY, VPN, DATA_CENTRE], shut: [RELAY] },
  ])('"$policy" lets in $open and keeps out $shut', async ({ policy, open, shut }) => {
    const link = gateway.sign(`/${policy}/a.txt`, { anti_fraud: 'true' })
    for (const client of open) expect((await ask(link, client)).status, client).toBe(200)
    for (const client of shut) expectProblem(await ask(link, client), 403, 'anonymizer_blocked')
  })

  test('pass where anti-fraud is off', async () => {
    for (const client of [VPN, TOR_BY_LIST, PROXY]) {
      expect((await ask(gateway.sign('/default/a.txt'), client)).status, client).toBe(200)
      const off = gateway.sign('/tor/a.txt', { anti_fraud: 'false' })
      expect((await ask(off, client)).status, client).toBe(200)
    }
  })

  test('that are watched are in the record, those that are denied with their evidence', async () => {
    const link = (jti: string): string =>
      gateway.sign('/default/a.txt', { anti_fraud: 'true', jti })
    await ask(link('watched'), DATA_CENTRE)
    expect(await recordOf('watched')).toMatchObject({
      decision: 'permit',
      observed: 'anonymizer_blocked',
    })
    const { body } = await ask(link('denied'), TOR_BY_LIST)
    expect(body.toString()).not.toContain('exits')
    expect(await recordOf('denied')).toMatchObject({
      decision: 'deny',
      reason: 'anonymizer_blocked',
      detail: `tor: ${TOR_BY_LIST} is on exits`,
    })
  })

  test('stand in an inspection, with what is known of the network', async () => {
    const url = gateway.sign('/default/a.txt', { anti_fraud: 'true' })
    const inspect = async (as: object): Promise<unknown> =>
      (await gateway.admin('/v1/links/inspect', { method: 'POST', body: { url, as } })).json()
    expect(await inspect({ ip: VPN })).toMatchObject({
      decision: 'deny',
      detail: 'vpn: geo.anonymous says so',
      network: { country: 'US', asn: 64_501, anonymizers: ['vpn'] },
    })
    expect(await inspect({})).toMatchObject({ network: null })
  })
})

test('tolerance asn lets in the AS of the pinned address', async () => {
  const link = gateway.sign('/same-as/a.txt', { ip: VPN })
  expect((await ask(link, VPN)).status).toBe(200)
  expect((await ask(link, TOR_BY_LIST)).status).toBe(200)
  for (const client of [NOBODY, PROXY]) {
    expectProblem(await ask(link, client), 403, 'address_not_allowed')
  }
  const unknown = gateway.sign('/same-as/a.txt', { ip: PROXY })
  expect((await ask(unknown, PROXY)).status).toBe(200)
  expectProblem(await ask(unknown, VPN), 403, 'address_not_allowed')
})

describe('new data is taken without a reload:', () => {
  test('anonymizers, and a broken file leaves the last good one', async () => {
    const link = gateway.sign('/tor/a.txt')
    const status = async (): Promise<number> => (await ask(link, NOBODY)).status
    expect(await status()).toBe(200)
    replace('anonymous.mmdb', makeMmdb({ '5.9.0.0/16': { is_tor_exit_node: true } }))
    await eventually('the new data is in force', async () => (await status()) === 403)
    truncateSync(join(gateway.root, 'anonymous.mmdb'), 100)
    const warnings = (): string[] =>
      gateway.logged.filter((line) => line.includes('geo.anonymous stays as it was'))
    await eventually('the broken file is seen', () => warnings().length === 1)
    expect(await status()).toBe(403)
    replace('anonymous.mmdb', makeMmdb(ANONYMOUS))
    await eventually('the whole file is in force', async () => (await status()) === 200)
    expect(warnings()).toHaveLength(1)
  })

  test('AS numbers, and the metric has the age of what is in force', async () => {
    const link = gateway.sign('/same-as/a.txt', { ip: VPN })
    expect((await ask(link, NOBODY)).status).toBe(403)
    const record = { autonomous_system_number: 64_503 }
    replace(
      'asn.mmdb',
      makeMmdb({ '8.8.8.0/24': record, '5.9.0.0/16': record }, { builtAt: 1_700_000_500 }),
    )
    await eventually(
      'the new data is in force',
      async () => (await ask(link, NOBODY)).status === 200,
    )
    const metrics = await (await gateway.admin('/metrics')).text()
    for (const data of ['country', 'asn', 'anonymous']) {
      expect(metrics).toMatch(
        new RegExp(`^sluice_network_data_age_seconds\\{data="${data}"\\} \\d`, 'm'),
      )
    }
  })
})
