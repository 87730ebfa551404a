import { describe, expect, it } from 'vitest'
import { decide, type TraceEntry } from '../../../src/policy/decide.ts'
import type { Constraints } from '../../../src/link/constraints.ts'
import type { LinkHistory } from '../../../src/policy/rule.ts'
import { NO_SIGHTINGS } from '../../../src/base/sightings.ts'
import { parseNetwork } from '../../../src/base/address.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import {
  contextOf,
  type ContextParts,
  grantOf,
  historyOf,
  NOW,
  policyOf,
} from '../../support/request-parts.ts'

const ELSEWHERE: Constraints = { ip: [parseNetwork('10.0.0.1')!] }

function decided(
  policy: Readonly<Record<string, unknown>>,
  given: {
    says?: Constraints
    url?: string
    parts?: ContextParts
    history?: Partial<LinkHistory>
    trace?: TraceEntry[]
  },
): { refusal: string | undefined; observed: string | undefined } {
  const { says, url = '/files/a.mp4', parts, history, trace } = given
  const { refusal, observed } = decide(
    grantOf(says),
    contextOf(url, parts),
    policyOf(policy, { pirates: new NetworkSet([parseNetwork('192.0.2.0/24')!]) }),
    historyOf(history),
    trace,
  )
  return { refusal: refusal?.reason, observed: observed?.reason }
}

/** In this order they are asked. */
const RULES = [
  'resource',
  'conditions',
  'revocation',
  'lifetime',
  'not-before',
  'expiry',
  'address',
  'access-rules',
  'countries',
  'networks',
  'fraud-lists',
  'anonymizers',
  'anonymizers-watched',
  'referrers',
  'prefetch',
  'sharing',
]

/** Used from three networks already. */
const SHARED: Partial<LinkHistory> = {
  sightings: () => ({
    ...NO_SIGHTINGS,
    networks: ['192.0.3.0/24', '192.0.4.0/24', '192.0.5.0/24'].map((network) => {
      const facts = { country: 'DE', asn: undefined, isRelay: false, device: 'none' }
      return { network, ...facts, firstSeen: NOW - 9, lastSeen: NOW - 9 }
    }),
  }),
}

/** Each rule that can be observed: its section of the policy, and a request that it refuses. */
const OBSERVABLE = [
  ['address', {}, { says: ELSEWHERE }, 'address_not_allowed'],
  ['leeway', {}, { parts: { now: NOW + 3600 } }, 'link_expired'],
  ['leeway', {}, { says: { nbf: NOW + 999 } }, 'link_not_yet_valid'],
  ['countries', { block: ['DE'] }, { parts: { country: 'DE' } }, 'country_not_allowed'],
  ['networks', { block: ['192.0.2.0/24'] }, {}, 'network_blocked'],
  ['antiFraud', { lists: ['pirates'] }, { says: { anti_fraud: true } }, 'network_blocked'],
  ['antiFraud', {}, { says: { anti_fraud: true }, history: SHARED }, 'link_shared'],
  ['referrers', { allow: ['example.com'] }, {}, 'referrer_not_allowed'],
] as const

describe('observe', () => {
  it.each(OBSERVABLE)('%s %j: enforced it refuses', (section, settings, given, reason) => {
    expect(decided({ [section]: settings }, given)).toEqual({
      refusal: reason,
      observed: undefined,
    })
  })

  it.each(OBSERVABLE)(
    '%s %j: observed by its own setting it lets pass and says what it would refuse',
    (section, settings, given, reason) => {
      const policy = { [section]: { ...settings, enforcement: 'observe' } }
      expect(decided(policy, given)).toEqual({ refusal: undefined, observed: reason })
    },
  )

  it.each(OBSERVABLE)(
    '%s %j: observed by the policy it lets pass and says what it would refuse',
    (section, settings, given, reason) => {
      expect(decided({ enforcement: 'observe', [section]: settings }, given)).toEqual({
        refusal: undefined,
        observed: reason,
      })
    },
  )

  it.each(OBSERVABLE)(
    '%s %j: its own enforcement refuses, whatever the policy observes',
    (section, settings, given, reason) => {
      const policy = { enforcement: 'observe', [section]: { ...settings, enforcement: 'enforce' } }
      expect(decided(policy, given)).toEqual({ refusal: reason, observed: undefined })
    },
  )

  it.each([
    [{ iat: NOW - 10_000_000 }, 'link_lifetime_exceeded'],
    [{ accessRules: [{ type: 'any', action: 'block' }] }, 'address_not_allowed'],
  ] as [Constraints, string][])(
    'a rule without a setting of its own follows the policy: %j',
    (says, reason) => {
      expect(decided({}, { says })).toEqual({ refusal: reason, observed: undefined })
      expect(decided({ enforcement: 'observe' }, { says })).toEqual({
        refusal: undefined,
        observed: reason,
      })
    },
  )

  it.each([
    ['the path', { url: '/files/b.mp4' }, 'link_resource_mismatch'],
    ['a revocation', { history: { revocation: () => 'r' } }, 'link_revoked'],
  ] as const)(
    '%s is enforced even so: observing it would open what the signature closes',
    (_what, given, reason) => {
      expect(decided({ enforcement: 'observe' }, given)).toEqual({
        refusal: reason,
        observed: undefined,
      })
    },
  )

  it('the first of several observed rules is kept, and a later enforced rule refuses', () => {
    const policy = {
      leeway: { enforcement: 'observe' },
      address: { enforcement: 'observe' },
      networks: { block: ['192.0.2.1'] },
    }
    const given = { says: ELSEWHERE, parts: { now: NOW + 9999 } }
    expect(decided(policy, given)).toEqual({ refusal: 'network_blocked', observed: 'link_expired' })
    expect(decided({ ...policy, networks: {} }, given)).toEqual({
      refusal: undefined,
      observed: 'link_expired',
    })
  })
})

describe('the order of rules', () => {
  it('what the link is for comes before whether it lives, and that before who asks', () => {
    const all = {
      says: { ...ELSEWHERE, nbf: NOW + 99_999 },
      url: '/files/b.mp4',
      parts: { now: NOW + 9999 },
      history: { revocation: () => 'r' },
    }
    const policy = { networks: { block: ['192.0.2.1'] } }
    expect(decided(policy, all).refusal).toBe('link_resource_mismatch')
    expect(decided(policy, { ...all, url: '/files/a.mp4' }).refusal).toBe('link_revoked')
    expect(decided(policy, { ...all, url: '/files/a.mp4', history: {} }).refusal).toBe(
      'link_not_yet_valid',
    )
    expect(decided(policy, { says: ELSEWHERE, parts: { now: NOW + 9999 } }).refusal).toBe(
      'link_expired',
    )
    expect(decided(policy, { says: ELSEWHERE }).refusal).toBe('address_not_allowed')
  })

  it('without a trace the first refusal ends the questions', () => {
    let asked = 0
    const history = { revocation: () => ((asked += 1), undefined) }
    expect(decided({}, { url: '/files/b.mp4', history }).refusal).toBe('link_resource_mismatch')
    expect(asked).toBe(0)
  })
})

describe('a trace', () => {
  it('has every rule in order, and what each said', () => {
    const trace: TraceEntry[] = []
    const policy = { leeway: { enforcement: 'observe' } }
    const result = decided(policy, {
      says: ELSEWHERE,
      url: '/files/b.mp4',
      parts: { now: NOW + 9999 },
      trace,
    })
    expect(result).toEqual({ refusal: 'link_resource_mismatch', observed: 'link_expired' })
    expect(trace.map(({ rule }) => rule)).toEqual(RULES)
    const said = Object.fromEntries(
      trace.map(({ rule, outcome, reason }) => [rule, `${outcome} ${reason ?? ''}`.trim()]),
    )
    expect(said).toMatchObject({
      resource: 'refuse link_resource_mismatch',
      expiry: 'observe link_expired',
      address: 'refuse address_not_allowed',
      networks: 'pass',
    })
    expect(trace.find(({ rule }) => rule === 'expiry')?.detail).toContain(String(NOW + 3600))
  })

  it('of a permitted request passes everywhere', () => {
    const trace: TraceEntry[] = []
    expect(decided({}, { trace })).toEqual({ refusal: undefined, observed: undefined })
    expect(new Set(trace.map(({ outcome }) => outcome))).toEqual(new Set(['pass']))
  })
})
