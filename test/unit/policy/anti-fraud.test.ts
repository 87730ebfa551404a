import { questionOf } from '../../../src/http/admission.ts'
import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import type { Refusal } from '../../../src/base/refusal.ts'
import type { Constraints } from '../../../src/link/constraints.ts'
import { decide } from '../../../src/policy/decide.ts'
import { NO_SIGHTINGS, type Sightings } from '../../../src/base/sightings.ts'
import {
  type ContextParts,
  contextOf,
  grantOf,
  historyOf,
  NOW,
  policyOf,
} from '../../support/request-parts.ts'

interface Case {
  readonly says?: Constraints
  readonly antiFraud?: Readonly<Record<string, unknown>>
  readonly request?: ContextParts
  /** Networks that downloaded before, with their countries. */
  readonly before?: Readonly<Record<string, string | undefined>>
}

function seen(before: Readonly<Record<string, string | undefined>>): Sightings {
  const networks = Object.entries(before).map(([network, country]) => {
    const times = { firstSeen: NOW - 9, lastSeen: NOW - 9 }
    return { network, country, asn: undefined, isRelay: false, device: 'none', ...times }
  })
  return { ...NO_SIGHTINGS, networks, devices: networks.length > 0 ? ['none'] : [] }
}

function refusalOf({
  says = { anti_fraud: true },
  antiFraud = {},
  request,
  before = {},
}: Case): Refusal | undefined {
  const lists = { pirates: new NetworkSet([parseNetwork('192.0.2.0/24')!]) }
  return decide(
    grantOf(says),
    contextOf('/files/a.mp4', request),
    policyOf({ antiFraud }, lists),
    historyOf({ sightings: () => seen(before) }),
  ).refusal
}

const NO_LIMITS = { maxNetworks: null, maxCountries: null, heuristics: { minSignals: null } }

const reasonOf = (given: Case): string => refusalOf(given)?.reason ?? 'permit'

/** Denies no kind of anonymizer. */
const ANYONE = { tor: 'allow', vpn: 'allow', publicProxy: 'allow', residentialProxy: 'allow' }

const THREE = { '5.9.0.0/24': 'DE', '5.9.1.0/24': 'DE', '5.9.2.0/24': 'DE' }

describe('anti-fraud is on', () => {
  const lists = { lists: ['pirates'] }
  it.each<[string, Case, string]>([
    ['where the link says so', { antiFraud: lists }, 'network_blocked'],
    [
      'where the policy does and the link is silent',
      { says: {}, antiFraud: { ...lists, default: true } },
      'network_blocked',
    ],
    [
      'but not where the link says no',
      { says: { anti_fraud: false }, antiFraud: { ...lists, default: true } },
      'permit',
    ],
    ['but not where nobody says so', { says: {}, antiFraud: lists }, 'permit'],
  ])('%s', (_what, given, expected) => {
    expect(reasonOf(given)).toBe(expected)
  })
})

describe('lists', () => {
  it.each<[string, Case, string]>([
    ['of another network', { request: { client: '5.9.0.1' } }, 'permit'],
    ['and an unknown client', { request: { client: undefined } }, 'network_blocked'],
  ])('%s', (_what, given, expected) => {
    expect(reasonOf({ ...given, antiFraud: { lists: ['pirates'] } })).toBe(expected)
  })

  it('are named in the record', () => {
    expect(refusalOf({ antiFraud: { lists: ['pirates'] } })?.detail).toBe('192.0.2.1 is on pirates')
  })
})

describe('sharing', () => {
  const from = (client: string, country?: string): ContextParts =>
    country === undefined ? { client } : { client, country }
  it.each<[string, Case, string]>([
    ['the first network', { request: from('5.9.9.1', 'DE') }, 'permit'],
    [
      'the third network',
      { request: from('5.9.2.1', 'DE'), before: { '5.9.0.0/24': 'DE', '5.9.1.0/24': 'DE' } },
      'permit',
    ],
    ['the fourth network', { request: from('5.9.9.1', 'DE'), before: THREE }, 'link_shared'],
    [
      'the fourth network without anti-fraud',
      { says: {}, request: from('5.9.9.1', 'DE'), before: THREE },
      'permit',
    ],
    ['one of three networks', { request: from('5.9.2.200', 'DE'), before: THREE }, 'permit'],
    [
      'one of more networks than are allowed by now',
      {
        request: from('5.9.2.200', 'DE'),
        before: THREE,
        antiFraud: { sharing: { maxNetworks: 1 } },
      },
      'permit',
    ],
    [
      'the same /64',
      { request: from('2a01:4f8:0:1::99', 'DE'), before: { ...THREE, '2a01:4f8:0:1::/64': 'DE' } },
      'permit',
    ],
    ['another /64', { request: from('2a01:4f8:0:2::99', 'DE'), before: THREE }, 'link_shared'],
    [
      'the second country',
      { request: from('8.8.8.8', 'US'), before: { '5.9.0.0/24': 'DE' } },
      'permit',
    ],
    [
      'the third country',
      {
        request: from('8.8.8.8', 'US'),
        before: { '5.9.0.0/24': 'DE', '212.58.244.0/24': 'GB' },
      },
      'link_shared',
    ],
    [
      'a third country that is unknown',
      { request: from('8.8.8.8'), before: { '5.9.0.0/24': 'DE', '212.58.244.0/24': 'GB' } },
      'link_shared',
    ],
    [
      'two unknown countries, which count as one',
      { request: from('10.0.0.1'), before: { '5.9.0.0/24': 'DE', '10.0.1.0/24': undefined } },
      'permit',
    ],
    [
      'any country without that limit',
      {
        request: from('8.8.8.8', 'US'),
        before: { '5.9.0.0/24': 'DE', '212.58.244.0/24': 'GB' },
        antiFraud: { sharing: { maxCountries: null } },
      },
      'permit',
    ],
    [
      'any network without that limit',
      {
        request: from('5.9.9.1', 'DE'),
        before: THREE,
        antiFraud: { sharing: { maxNetworks: null } },
      },
      'permit',
    ],
    [
      'an unknown client',
      { request: { client: undefined }, antiFraud: { anonymizers: ANYONE } },
      'link_shared',
    ],
    [
      'an unknown client without limits',
      {
        request: { client: undefined },
        antiFraud: {
          anonymizers: ANYONE,
          sharing: NO_LIMITS,
        },
      },
      'permit',
    ],
    [
      'a preview bot, which shall take nobody’s place',
      { request: { headers: { 'User-Agent': 'Slackbot-LinkExpanding 1.0' } } },
      'prefetch_not_allowed',
    ],
    [
      'a preview bot where no place is counted',
      {
        request: { headers: { 'User-Agent': 'Slackbot-LinkExpanding 1.0' } },
        antiFraud: { sharing: NO_LIMITS },
      },
      'permit',
    ],
  ])('%s', (_what, given, expected) => {
    expect(reasonOf(given)).toBe(expected)
  })

  it('asks for the window of the policy', () => {
    const policy = policyOf({ antiFraud: { sharing: { windowSeconds: 60 } } })
    const question = questionOf(grantOf({ anti_fraud: true }), contextOf('/files/a.mp4'), policy)
    expect(question.sightings).toEqual([{ key: 'link:k1/link-1', after: NOW - 60 }])
  })

  it('says in the record what it saw', () => {
    const given = { request: from('10.0.0.1'), before: THREE }
    expect(refusalOf(given)?.detail).toBe(
      '4 networks in 24 h: 5.9.0.0/24 (DE), 5.9.1.0/24 (DE), 5.9.2.0/24 (DE), 10.0.0.0/24 (unknown)',
    )
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`5.9.${i}.0/24`, 'DE']))
    const { detail } = refusalOf({ ...given, before: many })!
    expect(detail).toMatch(/^31 networks in 24 h: 23 others, 5\.9\.23\.0\/24 .*10\.0\.0\.0\/24/)
  })

  it('that is only observed lets pass, and says so', () => {
    const decided = decide(
      grantOf({ anti_fraud: true }),
      contextOf('/files/a.mp4', from('5.9.9.1', 'DE')),
      policyOf({ antiFraud: { sharing: { action: 'observe' } } }),
      historyOf({ sightings: () => seen(THREE) }),
    )
    expect(decided).toMatchObject({ refusal: undefined, observed: { reason: 'link_shared' } })
  })
})
