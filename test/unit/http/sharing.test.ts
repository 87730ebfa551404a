import { questionOf } from '../../../src/http/admission.ts'
import { beginUse } from '../../../src/http/begin-use.ts'
import { SessionHistory } from '../../../src/http/history.ts'
import { EmbeddedLinkState } from '../../../src/state/embedded-link-state.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { describe, expect, it } from 'vitest'
import type { NetworkFacts } from '../../../src/base/network-facts.ts'
import type { Constraints } from '../../../src/link/constraints.ts'
import { decide } from '../../../src/policy/decide.ts'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { RevocationList } from '../../../src/state/revocations.ts'
import { SqliteRevocations } from '../../../src/state/sqlite-revocations.ts'
import { contextOf, grantOf, historyOf, NOW, policyOf } from '../../support/request-parts.ts'

const OBJECT = { etag: '"v1"', size: 1000 }

interface Use extends Partial<NetworkFacts> {
  readonly client: string
  readonly agent?: string
  /** Seconds after the first use. */
  readonly at?: number
  /** The transfer still runs when the next use comes. */
  readonly stays?: boolean
  readonly link?: string
  readonly proxied?: boolean
}

/** What each use of a link with anti-fraud gets, one after another. */
function play(
  uses: readonly Use[],
  { sharing = {}, says = {} }: { sharing?: object; says?: Constraints } = {},
): string[] {
  const database = openMemoryDatabase()
  const revocations = new RevocationList(new SqliteRevocations(database))
  const links = new EmbeddedLinkState(database, new FakeClock())
  const services = { links, revocations }
  const policy = policyOf({ antiFraud: { default: true, sharing } })
  return uses.map(({ client, agent = 'Browser', at = 0, stays, link, proxied, ...network }) => {
    const context = {
      ...contextOf('/files/a.mp4', {
        client,
        now: NOW + at,
        network,
        headers: { 'User-Agent': agent },
      }),
      isBehindProxy: () => proxied === true,
    }
    const name = link ?? 'one'
    const grant = grantOf(says, { linkId: name, countKey: `k1/${name}`, validUntil: NOW + 999_999 })
    const session = links.open(questionOf(grant, context, policy))
    const { refusal } = decide(grant, context, policy, new SessionHistory(revocations, session))
    if (refusal) return `${refusal.reason}: ${refusal.detail}`
    const admission = beginUse(services, session, context, grant, policy, OBJECT)
    if (admission instanceof Promise) throw new Error('the embedded state answers at once')
    if (admission.outcome === 'refused') return admission.refusal.reason
    if (!stays) admission.download.leave()
    return admission.slowed ? 'slowed' : 'passes'
  })
}

const all = (results: readonly string[]): string[] => [...new Set(results)]
const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))

const HOURS = 3600

describe('under the default policy, honest users pass:', () => {
  it.each<[string, Use[]]>([
    [
      'a phone whose carrier hands out ten networks of one AS',
      times(10, (i) => ({ client: `10.${i}.0.1`, asn: 3320, country: 'DE', at: i * 60 })),
    ],
    [
      'a user of iCloud Private Relay through relays of three ASes and countries',
      times(9, (i) => ({
        client: `10.${i}.0.1`,
        asn: [36183, 13335, 54113][i % 3],
        country: ['US', 'GB', 'DE'][i % 3],
        anonymizers: ['relay'] as const,
        at: i * 60,
      })),
    ],
    [
      'dual stack with AS data, and one more line',
      [
        { client: '10.0.0.1', asn: 3320, country: 'DE' },
        { client: '2a01::1', asn: 3320, country: 'DE' },
        { client: '10.1.0.1', asn: 3209, country: 'DE', at: HOURS },
        { client: '2a02::1', asn: 3209, country: 'DE', at: HOURS },
      ],
    ],
    [
      'dual stack without AS data, at home, at work and on the road',
      times(3, (i) => i).flatMap((i) => [
        { client: `10.${i}.0.1`, country: 'DE', at: i * HOURS },
        { client: `2a0${i}::1`, country: 'DE', at: i * HOURS },
      ]),
    ],
    [
      'an office behind one address with forty devices',
      times(40, (i) => ({ client: '10.0.0.1', country: 'DE', agent: `Browser ${i}` })),
    ],
    [
      'a traveller after a flight of twelve hours',
      [
        { client: '10.0.0.1', asn: 3320, country: 'DE' },
        { client: '10.1.0.1', asn: 4713, country: 'JP', at: 12 * HOURS },
        { client: '10.1.0.2', asn: 4713, country: 'JP', at: 13 * HOURS },
      ],
    ],
    [
      'a household with six devices, at home and on the phone',
      times(12, (i) => ({
        client: i % 2 === 0 ? '10.0.0.1' : '10.9.0.1',
        asn: i % 2 === 0 ? 3320 : 3209,
        country: 'DE',
        agent: `Browser ${i % 6}`,
      })),
    ],
  ])('%s', (_who, uses) => {
    expect(all(play(uses))).toEqual(['passes'])
  })
})

describe('under the default policy, abuse does not:', () => {
  it('a fourth network of which nothing is known', () => {
    const clients = ['192.0.2.1', '198.51.100.1', '203.0.113.1', '10.0.0.1']
    expect(play(clients.map((client) => ({ client })))).toEqual([
      'passes',
      'passes',
      'passes',
      'link_shared: 4 networks in 24 h: 192.0.2.0/24 (unknown), 198.51.100.0/24 (unknown), ' +
        '203.0.113.0/24 (unknown), 10.0.0.0/24 (unknown)',
    ])
  })

  it('a third country', () => {
    const uses = ['DE', 'FR', 'US'].map((country, i) => ({
      client: `10.${i}.0.1`,
      country,
      asn: 100 + i,
      at: i * 24 * HOURS - i,
    }))
    expect(play(uses, { sharing: { windowSeconds: 999_999 } }).at(-1)).toMatch(
      /^link_shared: 3 countries in .*\(DE, AS100\).*\(US, AS102\)$/,
    )
  })

  it('a third country of one AS that reaches around the world', () => {
    const uses = ['DE', 'FR', 'US', 'DE'].map((country, i) => ({
      client: `10.${i}.0.1`,
      country,
      asn: 9009,
      at: i * 12 * HOURS,
    }))
    expect(play(uses, { sharing: { windowSeconds: 999_999 } })).toEqual([
      'passes',
      'passes',
      expect.stringMatching(/^link_shared: 3 countries in .*\(FR, AS9009\).*\(US, AS9009\)$/),
      'passes',
    ])
  })

  it('a posted link', () => {
    const results = play(
      times(500, (i) => ({ client: `10.${i >> 8}.${i & 255}.1`, asn: i, country: 'DE', at: i })),
    )
    expect(results.filter((result) => result === 'passes')).toHaveLength(3)
  })

  it('IPv6 networks beside fewer IPv4 networks: each goes with one', () => {
    const uses = times(9, (i) => ({ client: i === 0 ? '10.0.0.1' : `2a0${i}::1`, country: 'DE' }))
    expect(play(uses).filter((result) => result === 'passes')).toHaveLength(4)
  })

  it('one name whose links are used in two countries at once', () => {
    const results = play(
      [
        { client: '10.0.0.1', asn: 7018, country: 'US', link: 'a', stays: true },
        { client: '10.1.0.1', asn: 4713, country: 'JP', link: 'b', at: 300 },
      ],
      { says: { subject: 'ann' } },
    )
    expect(results[0]).toBe('passes')
    expect(results[1]).toMatch(
      /^link_shared: for the subject: 2 signals: impossible_travel \(US to JP, [\d,]+ km in 5 min\), overlapping_countries \(US and JP\)$/,
    )
  })
})

describe('signals', () => {
  const journey = (more: Partial<Use>): Use[] => [
    { client: '10.0.0.1', country: 'US' },
    { client: '10.1.0.1', country: 'JP', at: 300, ...more },
  ]
  it('do nothing alone', () => {
    expect(all(play(journey({})))).toEqual(['passes'])
  })

  it('count together: a journey and a proxy', () => {
    expect(play(journey({ proxied: true }))[1]).toMatch(/impossible_travel.*proxy_headers$/)
  })

  it('of a relay are none', () => {
    expect(all(play(journey({ proxied: true, anonymizers: ['relay'] })))).toEqual(['passes'])
  })

  it('are off without minSignals', () => {
    const sharing = { heuristics: { minSignals: null } }
    expect(all(play(journey({ proxied: true }), { sharing }))).toEqual(['passes'])
  })

  it('of networks, ASes and devices begin at the numbers of the policy', () => {
    const uses = times(4, (i) => ({ client: `10.${i}.0.1`, asn: i, agent: `Browser ${i}` }))
    const off = { maxNetworks: null, maxCountries: null }
    const at = (heuristics: object): string | undefined =>
      play(uses, { sharing: { ...off, heuristics } }).at(-1)
    expect(at({ networks: 4, asns: 4, devices: 4 })).toBe(
      'link_shared: 3 signals: many_networks (4 in 24 h), many_asns (4 in 24 h), many_devices (4 in 24 h)',
    )
    expect(at({ networks: 5, asns: 5, devices: 4 })).toBe('passes')
  })
})

describe('limits', () => {
  it('of devices bind within one network; who is known stays welcome', () => {
    const agents = ['a', 'b', 'c', 'a', 'b']
    const uses = agents.map((agent) => ({ client: '10.0.0.1', agent }))
    const results = play(uses, { sharing: { maxDevices: 2 } })
    expect(results.map((result) => result.split(':')[0])).toEqual([
      'passes',
      'passes',
      'link_shared',
      'passes',
      'passes',
    ])
  })

  it('of the subject hold over all its links, and only where a link names one', () => {
    const uses = ['a', 'b'].map((link, i) => ({ client: `10.${i}.0.1`, link }))
    const sharing = { subject: { maxNetworks: 1 } }
    expect(play(uses, { sharing, says: { subject: 'ann' } })[1]).toMatch(
      /^link_shared: for the subject: 2 networks/,
    )
    expect(all(play(uses, { sharing }))).toEqual(['passes'])
  })

  it('of AS numbers', () => {
    const uses = times(2, (i) => ({ client: `10.${i}.0.1`, asn: 10 + i, country: 'DE' }))
    expect(play(uses, { sharing: { maxAsns: 1 } })[1]).toMatch(/^link_shared: 2 AS numbers/)
  })
})

it('who is slowed takes no place, and is slowed again', () => {
  const clients = [0, 1, 2, 3, 3, 0].map((i) => ({ client: `10.${i}.0.1` }))
  expect(play(clients, { sharing: { action: 'slow' } })).toEqual([
    'passes',
    'passes',
    'passes',
    'slowed',
    'slowed',
    'passes',
  ])
})

it('of a request without anti-fraud no header is read for it', () => {
  const policy = policyOf()
  const context = {
    ...contextOf('/files/a.mp4', { client: '10.0.0.1' }),
    isBehindProxy: (): boolean => {
      throw new Error('asked')
    },
  }
  const history = historyOf({
    sightings: () => {
      throw new Error('asked')
    },
  })
  expect(decide(grantOf(), context, policy, history).refusal).toBeUndefined()
})
