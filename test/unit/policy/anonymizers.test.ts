import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import { ANONYMIZERS, type Anonymizer } from '../../../src/base/network-facts.ts'
import { type AddressSet, NetworkSet } from '../../../src/base/network-set.ts'
import type { Constraints } from '../../../src/link/constraints.ts'
import { decide } from '../../../src/policy/decide.ts'
import { compilePolicy } from '../../../src/policy/compile-policy.ts'
import { NO_SOURCES } from '../../../src/policy/policy.ts'
import { policySchema } from '../../../src/config/policy-schema.ts'
import { contextOf, grantOf, historyOf, policyOf } from '../../support/request-parts.ts'

interface Case {
  readonly says?: Constraints
  /** What `antiFraud.anonymizers` says. */
  readonly actions?: Partial<Record<Anonymizer, string>>
  readonly enforcement?: string
  /** What the data about networks says of the client. */
  readonly is?: readonly Anonymizer[]
  /** Kinds of lists that hold the client. */
  readonly listed?: readonly Anonymizer[]
  readonly client?: string | undefined
}

const CLIENT = '5.9.0.1'
/** Says nothing of sharing, so that nothing but anonymizers is judged. */
const UNLIMITED = { maxNetworks: null, maxCountries: null, heuristics: { minSignals: null } }
const HERE: AddressSet = new NetworkSet([parseNetwork(`${CLIENT}/32`)!])

/** `deny kind: why`, `observe kind: why` or `permit`. */
function verdict({
  says = { anti_fraud: true },
  actions = {},
  enforcement = 'enforce',
  is = [],
  listed = [],
  ...rest
}: Case): string {
  const { refusal, observed } = decide(
    grantOf(says),
    contextOf('/files/a.mp4', { client: CLIENT, ...rest, network: { anonymizers: is } }),
    policyOf(
      {
        antiFraud: {
          enforcement,
          anonymizers: actions,
          sharing: UNLIMITED,
        },
      },
      Object.fromEntries(listed.map((kind) => [kind, HERE])),
    ),
    historyOf(),
  )
  const no = refusal ?? observed
  if (!no) return 'permit'
  expect(no.reason).toBe('anonymizer_blocked')
  return `${refusal ? 'deny' : 'observe'} ${no.detail}`
}

const RULED = ANONYMIZERS.flatMap((kind) =>
  ['allow', 'observe', 'deny'].map((action) => ({ kind, action })),
)

describe('each kind is treated as its action says', () => {
  it.each(RULED)('$kind, $action', ({ kind, action }) => {
    const actions = { [kind]: action }
    const expected = (why: string): string =>
      action === 'allow' ? 'permit' : `${action} ${kind}: ${why}`
    expect(verdict({ actions, is: [kind] })).toBe(expected('geo.anonymous says so'))
    expect(verdict({ actions, listed: [kind] })).toBe(expected(`${CLIENT} is on ${kind}`))
    expect(verdict({ actions })).toBe('permit')
  })

  it('by default: hosting is watched, relays pass, all else is denied', () => {
    const outcome = (kind: Anonymizer): string => verdict({ is: [kind] }).split(' ')[0] ?? ''
    expect(Object.fromEntries(ANONYMIZERS.map((kind) => [kind, outcome(kind)]))).toEqual({
      tor: 'deny',
      vpn: 'deny',
      publicProxy: 'deny',
      residentialProxy: 'deny',
      hosting: 'observe',
      relay: 'permit',
    })
  })

  it('a client of several kinds is denied for one that is', () => {
    expect(verdict({ is: ['vpn', 'hosting'] })).toBe('deny vpn: geo.anonymous says so')
    expect(verdict({ is: ['vpn', 'hosting'], actions: { vpn: 'allow' } })).toBe(
      'observe hosting: geo.anonymous says so',
    )
  })
})

describe('a relay that is allowed', () => {
  it.each<[string, Case, string]>([
    ['passes in a data centre', { listed: ['relay', 'hosting'] }, 'permit'],
    ['passes on a list of VPNs', { listed: ['relay', 'vpn'] }, 'permit'],
    ['passes where the data says VPN', { listed: ['relay'], is: ['vpn', 'hosting'] }, 'permit'],
    ['is no Tor exit', { listed: ['relay', 'tor'] }, `deny tor: ${CLIENT} is on tor`],
    [
      'is no watched Tor exit',
      { listed: ['relay', 'tor'], actions: { tor: 'observe' } },
      `observe tor: ${CLIENT} is on tor`,
    ],
    [
      'counts as what else it is where it is not allowed',
      { listed: ['relay', 'vpn'], actions: { relay: 'observe' } },
      `deny vpn: ${CLIENT} is on vpn`,
    ],
  ])('%s', (_what, given, expected) => {
    expect(verdict(given)).toBe(expected)
  })
})

describe('anti-fraud', () => {
  it('that is off asks nothing', () => {
    expect(verdict({ says: {}, is: ['tor'] })).toBe('permit')
    expect(verdict({ says: { anti_fraud: false }, is: ['tor'] })).toBe('permit')
  })

  it('that only observes refuses nobody', () => {
    expect(verdict({ enforcement: 'observe', is: ['tor'] })).toBe(
      'observe tor: geo.anonymous says so',
    )
  })
})

describe('an unknown client address', () => {
  const none = { tor: 'allow', vpn: 'allow', publicProxy: 'allow', residentialProxy: 'allow' }
  it.each<[string, Case, string]>([
    ['is refused where a kind is denied', {}, 'deny the client address is unknown'],
    ['passes where kinds are only watched', { actions: { ...none, tor: 'observe' } }, 'permit'],
  ])('%s', (_what, given, expected) => {
    expect(verdict({ ...given, client: undefined })).toBe(expected)
  })
})

describe('a list without data', () => {
  const withList = (kind: Anonymizer, actions: Case['actions'] = {}): string => {
    const config = {
      antiFraud: { anonymizers: actions, sharing: UNLIMITED },
    }
    const policy = compilePolicy('test', policySchema.parse(config), {
      ...NO_SOURCES,
      listsOf: (asked) => (asked === kind ? ['exits'] : []),
    })
    const is: readonly Anonymizer[] = kind === 'relay' ? ['vpn'] : []
    const context = contextOf('/files/a.mp4', { client: CLIENT, network: { anonymizers: is } })
    const decision = decide(grantOf({ anti_fraud: true }), context, policy, historyOf())
    return decision.refusal?.detail ?? decision.observed?.detail ?? 'permit'
  }

  it('of a kind that is denied refuses everyone', () => {
    expect(withList('tor')).toBe('tor: exits has no data yet')
  })

  it('of a kind that is watched observes nobody', () => {
    expect(withList('tor', { tor: 'observe' })).toBe('permit')
  })

  it('of relays opens nothing', () => {
    expect(withList('relay')).toBe('vpn: geo.anonymous says so')
  })
})
