import { describe, expect, test } from 'vitest'
import { readLine, type LoggedRequest } from '../../../src/backtest/logged-request.ts'
import { type Judgement, Replay } from '../../../src/backtest/replay.ts'
import { type NetworkFacts, NOTHING_KNOWN } from '../../../src/base/network-facts.ts'
import { type PolicyConfig, policySchema } from '../../../src/config/policy-schema.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import { parseNetwork } from '../../../src/base/address.ts'
import { logLine, type RecordParts } from '../../support/access-log-lines.ts'
import { policyOf } from '../../support/request-parts.ts'

const FRAUD = { antiFraud: { default: true, sharing: { heuristics: { minSignals: null } } } }

function requestOf(parts: RecordParts): LoggedRequest {
  const line = readLine(logLine(parts))
  if (line.kind !== 'request') throw new Error(`the record is ${line.kind}`)
  return line.request
}

interface Then {
  readonly policy?: object
  readonly facts?: Readonly<Record<string, Partial<NetworkFacts>>>
}

async function judge(
  policy: Record<string, unknown>,
  records: readonly RecordParts[],
  { policy: then = {}, facts = {} }: Then = {},
): Promise<Judgement[]> {
  const before: PolicyConfig = policySchema.parse(then)
  const pirates = parseNetwork('46.4.0.0/16')
  const lists = { pirates: new NetworkSet(pirates ? [pirates] : []) }
  const replay = new Replay(
    policyOf(policy, lists),
    ({ text }) => ({ ...NOTHING_KNOWN, ...facts[text] }),
    (name) => (name === 'default' ? before : undefined),
  )
  const judgements: Judgement[] = []
  for (const record of records) judgements.push(await replay.judge(requestOf(record)))
  return judgements
}

const reasons = (judgements: readonly Judgement[]): (string | undefined)[] =>
  judgements.map(({ refusal }) => refusal?.reason)

const HOMES = ['5.9.0.1', '5.9.1.1', '5.9.2.1', '5.9.3.1']

describe('a replay refuses by the rules of the gateway', () => {
  test('the fourth network of a link, and none that came before', async () => {
    const records = [...HOMES, '5.9.0.1'].map((client, at) => ({ client, at: at * 60 }))
    const judged = await judge(FRAUD, records)
    expect(reasons(judged)).toEqual([undefined, undefined, undefined, 'link_shared', undefined])
    expect(judged[3]?.refusal?.detail).toContain('5.9.3.0/24')
  })

  test('not the fourth network where the window is over', async () => {
    const records = HOMES.map((client, at) => ({ client, at: at * 86_400 }))
    expect(reasons(await judge(FRAUD, records))).toEqual(Array(4).fill(undefined))
  })

  test('an address on a list, and only where anti-fraud is on', async () => {
    const policy = { antiFraud: { lists: ['pirates'] } }
    const records = [{ client: '46.4.0.9', anti_fraud: true }, { client: '46.4.0.9' }]
    expect(reasons(await judge(policy, records))).toEqual(['network_blocked', undefined])
  })

  test('a country, by the record before the data of today', async () => {
    const records = [
      { client: '5.9.0.1', country: 'US' },
      { client: '5.9.0.1', country: 'DE' },
      { client: '5.9.0.1' },
    ]
    const facts = { '5.9.0.1': { country: 'US' } }
    const judged = await judge({ countries: { block: ['US'] } }, records, { facts })
    expect(reasons(judged)).toEqual(['country_not_allowed', undefined, 'country_not_allowed'])
  })

  test('an anonymizer, by the data of today', async () => {
    const facts = { '5.9.0.1': { anonymizers: ['tor'] as const } }
    const judged = await judge(FRAUD, [{ client: '5.9.0.1' }, { client: '5.9.1.1' }], { facts })
    expect(reasons(judged)).toEqual(['anonymizer_blocked', undefined])
  })

  test('a download beside another, until that one ended', async () => {
    const policy = { parallel: { maxDownloads: 1 } }
    const records = [
      { client: '5.9.0.1', at: 0, duration_ms: 10_000 },
      { client: '5.9.1.1', at: 5 },
      { client: '5.9.1.1', at: 10 },
    ]
    expect(reasons(await judge(policy, records))).toEqual([
      undefined,
      'too_many_downloads',
      undefined,
    ])
  })

  test('a second use, but not the rest of the first', async () => {
    const records = [
      { at: 0, coverage: 0.5 },
      { at: 10, coverage: 1 },
      { at: 20, coverage: 1 },
      { at: 30, client: '5.9.1.1', coverage: 1 },
    ]
    expect(reasons(await judge({ uses: { max: 1 } }, records))).toEqual([
      undefined,
      undefined,
      'link_used',
      'link_used',
    ])
  })

  test('a client beside the first that downloaded', async () => {
    const policy = { address: { pin: 'first-use' } }
    const records = [{ client: '5.9.0.1' }, { client: '5.9.1.1', at: 10 }]
    expect(reasons(await judge(policy, records))).toEqual([undefined, 'address_not_allowed'])
  })

  test('more devices than are allowed, by the signature in the records', async () => {
    const sharing = { maxNetworks: null, maxDevices: 1, heuristics: { minSignals: null } }
    const records = ['0123456789ab', 'ba9876543210'].map((device, at) => ({ device, at }))
    const judged = await judge({ antiFraud: { default: true, sharing } }, records)
    expect(reasons(judged)).toEqual([undefined, 'link_shared'])
  })

  test('a method that it does not allow', async () => {
    const records = [{ method: 'HEAD', coverage: null }, {}]
    expect(reasons(await judge({ methods: ['GET'] }, records))).toEqual([
      'method_not_allowed',
      undefined,
    ])
  })
})

test('what a policy observes is let in', async () => {
  const policy = { countries: { block: ['US'], enforcement: 'observe' } }
  const [judged] = await judge(policy, [{ country: 'US' }])
  expect(judged).toMatchObject({
    outcome: 'permitted',
    refusal: undefined,
    observed: { reason: 'country_not_allowed' },
  })
})

describe('a request that was refused', () => {
  const refused = (reason: string, detail = ''): RecordParts => ({
    decision: 'deny',
    reason,
    detail,
    coverage: null,
  })

  test.each([
    ['link_expired', ''],
    ['link_revoked', 'revocation x'],
    ['referrer_not_allowed', ''],
    ['country_not_allowed', 'accessRules: ip.geoip.country blocks 5.9.0.1 in DE'],
    ['too_many_downloads', '1 downloads are open'],
    ['link_used', ''],
    ['address_not_allowed', ''],
  ])('stands where the policy has no say: %s %s', async (reason, detail) => {
    const [judged] = await judge({}, [refused(reason, detail)])
    expect(judged).toMatchObject({ outcome: 'stands', refusal: { reason } })
  })

  test.each([
    ['country_not_allowed', {}],
    ['network_blocked', {}],
    ['anonymizer_blocked', {}],
    ['link_shared', {}],
    ['too_many_downloads', { parallel: { maxDownloads: 1 } }],
    ['link_used', { uses: { max: 1 } }],
    ['address_not_allowed', { address: { pin: 'first-use' } }],
  ])('is let in where its policy was the reason: %s', async (reason, policy) => {
    const [judged] = await judge({}, [refused(reason)], { policy })
    expect(judged?.outcome).toBe('permitted')
  })

  test('is let in when its policy had revoked the link as shared', async () => {
    const policy = { antiFraud: { sharing: { action: 'revoke' } } }
    const records = [refused('link_shared'), { ...refused('link_revoked'), at: 1 }]
    const judged = await judge({}, records, { policy })
    expect(judged.map(({ outcome }) => outcome)).toEqual(['permitted', 'permitted'])
  })
})

test('a link is silent on anti-fraud where it got what its policy sets', async () => {
  const policy = { antiFraud: { default: true, lists: ['pirates'] } }
  const client = '46.4.0.9'
  const silent = await judge(policy, [{ client, anti_fraud: false }])
  expect(reasons(silent)).toEqual(['network_blocked'])
  const then = { policy: { antiFraud: { default: true } } }
  const off = await judge(policy, [{ client, anti_fraud: false }], then)
  expect(reasons(off)).toEqual([undefined])
})
