import { describe, expect, it } from 'vitest'
import { parseNetwork } from '../../../src/base/address.ts'
import { NOTHING_KNOWN } from '../../../src/base/network-facts.ts'
import { NetworkSet } from '../../../src/base/network-set.ts'
import type { Constraints } from '../../../src/link/constraints.ts'
import type { Grant } from '../../../src/link/grant.ts'
import { decide } from '../../../src/policy/decide.ts'
import { flowsOf, maxUses } from '../../../src/policy/limits.ts'
import { compileIgnored } from '../../../src/policy/policy.ts'
import type { LinkHistory } from '../../../src/policy/rule.ts'
import {
  address,
  type ContextParts,
  contextOf,
  grantOf,
  historyOf,
  NOW,
  policyOf,
} from '../../support/request-parts.ts'

interface Case {
  readonly says?: Constraints
  readonly grant?: Partial<Grant>
  readonly request?: ContextParts & { readonly url?: string }
  readonly policy?: Readonly<Record<string, unknown>>
  readonly lists?: Readonly<Record<string, NetworkSet>>
  readonly history?: Partial<LinkHistory>
}

/** Addresses that links are pinned to, with a known AS. */
const FACTS = {
  '198.51.100.1': { ...NOTHING_KNOWN, asn: 64_501 },
  '2001:db8::': { ...NOTHING_KNOWN, asn: 64_502 },
}

/** The reason of the refusal, or `permit`. */
function verdict({ says, grant, request = {}, policy, lists, history }: Case): string {
  const { url = '/files/a.mp4', ...parts } = request
  const { refusal } = decide(
    grantOf(says, grant),
    contextOf(url, parts),
    policyOf(policy, lists, FACTS),
    historyOf(history),
  )
  return refusal?.reason ?? 'permit'
}

const nets = (...texts: string[]): readonly NonNullable<ReturnType<typeof parseNetwork>>[] =>
  texts.map((text) => parseNetwork(text)!)

describe('the path', () => {
  const below = { resource: { kind: 'prefix', path: '/files/a/' } } as const
  it.each<[string, Case, string]>([
    ['the path that was signed', {}, 'permit'],
    ['another path', { request: { url: '/files/b.mp4' } }, 'link_resource_mismatch'],
    ['a path that begins like it', { request: { url: '/files/a.mp4x' } }, 'link_resource_mismatch'],
    ['below the prefix', { grant: below, request: { url: '/files/a/b/c' } }, 'permit'],
    [
      'beside the prefix',
      { grant: below, request: { url: '/files/ab' } },
      'link_resource_mismatch',
    ],
    [
      'the folder of the prefix itself',
      { grant: below, request: { url: '/files/a' } },
      'link_resource_mismatch',
    ],
  ])('%s', (_what, given, expected) => {
    expect(verdict(given)).toBe(expected)
  })
})

describe('time', () => {
  it.each<[string, Case, string]>([
    ['the last second', { request: { now: NOW + 3599 } }, 'permit'],
    ['the second of the expiry', { request: { now: NOW + 3600 } }, 'link_expired'],
    [
      'within the expiry leeway',
      { request: { now: NOW + 3604 }, policy: { leeway: { expirySeconds: 5 } } },
      'permit',
    ],
    [
      'at the end of the expiry leeway',
      { request: { now: NOW + 3605 }, policy: { leeway: { expirySeconds: 5 } } },
      'link_expired',
    ],
    [
      'a resume within the grace',
      { request: { now: NOW + 3600 + 21_599 }, history: { isResumable: () => true } },
      'permit',
    ],
    [
      'a resume at the end of the grace',
      { request: { now: NOW + 3600 + 21_600 }, history: { isResumable: () => true } },
      'link_expired',
    ],
    ['no resume within the grace', { request: { now: NOW + 3601 } }, 'link_expired'],
    [
      'a resume without grace',
      {
        request: { now: NOW + 3600 },
        policy: { resume: { graceSeconds: 0 } },
        history: { isResumable: () => true },
      },
      'link_expired',
    ],
    ['60 s before nbf', { says: { nbf: NOW + 60 } }, 'permit'],
    ['61 s before nbf', { says: { nbf: NOW + 61 } }, 'link_not_yet_valid'],
    [
      'before nbf without leeway',
      { says: { nbf: NOW + 1 }, policy: { leeway: { notBeforeSeconds: 0 } } },
      'link_not_yet_valid',
    ],
    ['iat and expiry as far apart as allowed', { says: { iat: NOW + 3600 - 604_800 } }, 'permit'],
    [
      'iat and expiry further apart',
      { says: { iat: NOW + 3600 - 604_801 } },
      'link_lifetime_exceeded',
    ],
    ['a long life without iat', { grant: { validUntil: NOW + 9_000_000 } }, 'permit'],
  ])('%s', (_what, given, expected) => {
    expect(verdict(given)).toBe(expected)
  })
})

describe('revocation', () => {
  it('a revoked link is refused, with the path that was asked for', () => {
    const asked: string[] = []
    const revocation = (_grant: Grant, path: string): string => {
      asked.push(path)
      return 'revocation 1'
    }
    expect(verdict({ history: { revocation } })).toBe('link_revoked')
    expect(asked).toEqual(['/files/a.mp4'])
  })
})

describe('the address', () => {
  const required = { address: { pin: 'required' } }
  const firstUse = { address: { pin: 'first-use' } }
  const prefix = { address: { tolerance: 'prefix' } }
  const asn = { address: { tolerance: 'asn' } }
  const inAs = (number: number): Case => ({ request: { network: { asn: number } } })
  const pinned = (text: string): Partial<LinkHistory> => ({ firstAddress: address(text) })
  it.each<[string, Case, string]>([
    ['a link used from its address', { says: { ip: nets('192.0.2.1') } }, 'permit'],
    [
      'a link used from another address',
      { says: { ip: nets('192.0.2.2') } },
      'address_not_allowed',
    ],
    ['one of several', { says: { ip: nets('10.0.0.0/8', '192.0.2.0/24') } }, 'permit'],
    [
      'a mapped client',
      { says: { ip: nets('192.0.2.1') }, request: { client: '::ffff:192.0.2.1' } },
      'permit',
    ],
    [
      'an unknown client',
      { says: { ip: nets('192.0.2.1') }, request: { client: undefined } },
      'address_not_allowed',
    ],
    ['an unknown client and no pin', { request: { client: undefined } }, 'permit'],
    ['prefix: the same /24', { says: { ip: nets('192.0.2.200') }, policy: prefix }, 'permit'],
    [
      'prefix: another /24',
      { says: { ip: nets('192.0.3.1') }, policy: prefix },
      'address_not_allowed',
    ],
    [
      'prefix: the same /64',
      {
        says: { ip: nets('2001:db8::1') },
        policy: prefix,
        request: { client: '2001:db8::ffff:0:0:1' },
      },
      'permit',
    ],
    [
      'prefix: another /64',
      { says: { ip: nets('2001:db8::1') }, policy: prefix, request: { client: '2001:db8:0:1::1' } },
      'address_not_allowed',
    ],
    [
      'prefix never narrows a wide network',
      { says: { ip: nets('192.0.0.0/16') }, policy: prefix },
      'permit',
    ],
    ['exact: the same /24', { says: { ip: nets('192.0.2.200') } }, 'address_not_allowed'],
    [
      'required and the link has one',
      { says: { ip: nets('192.0.2.1') }, policy: required },
      'permit',
    ],
    ['required and the link has none', { policy: required }, 'address_not_allowed'],
    ['first use: nobody yet', { policy: firstUse }, 'permit'],
    ['first use: the same client', { policy: firstUse, history: pinned('192.0.2.1') }, 'permit'],
    [
      'first use: another client',
      { policy: firstUse, history: pinned('192.0.2.2') },
      'address_not_allowed',
    ],
    [
      'first use: an unknown client',
      { policy: firstUse, request: { client: undefined } },
      'address_not_allowed',
    ],
    [
      'first use with prefix',
      {
        policy: { address: { pin: 'first-use', tolerance: 'prefix' } },
        history: pinned('192.0.2.99'),
      },
      'permit',
    ],
    [
      "first use: the link's own address counts instead",
      { says: { ip: nets('192.0.2.1') }, policy: firstUse, history: pinned('192.0.2.2') },
      'permit',
    ],
    [
      "asn: the pinned address's AS",
      { ...inAs(64_501), says: { ip: nets('198.51.100.1') }, policy: asn },
      'permit',
    ],
    [
      'asn: the AS of one of several',
      { ...inAs(64_502), says: { ip: nets('198.51.100.1', '2001:db8::/32') }, policy: asn },
      'permit',
    ],
    [
      'asn: another AS',
      { ...inAs(64_502), says: { ip: nets('198.51.100.1') }, policy: asn },
      'address_not_allowed',
    ],
    [
      'asn: the pinned address itself, of no known AS',
      { says: { ip: nets('192.0.2.1') }, policy: asn },
      'permit',
    ],
    [
      'asn: the pinned prefix, of no known AS',
      { says: { ip: nets('192.0.2.0/24') }, policy: asn },
      'permit',
    ],
    [
      'asn: the same /24, of no known AS',
      { says: { ip: nets('192.0.2.2') }, policy: asn },
      'address_not_allowed',
    ],
    [
      'asn: a client of no known AS',
      { says: { ip: nets('198.51.100.1') }, policy: asn },
      'address_not_allowed',
    ],
    [
      'asn: a pinned address of no known AS',
      { ...inAs(64_501), says: { ip: nets('10.0.0.1') }, policy: asn },
      'address_not_allowed',
    ],
    [
      'first use with asn',
      {
        ...inAs(64_501),
        policy: { address: { pin: 'first-use', tolerance: 'asn' } },
        history: pinned('198.51.100.1'),
      },
      'permit',
    ],
    [
      'first use with asn: another AS',
      {
        ...inAs(64_502),
        policy: { address: { pin: 'first-use', tolerance: 'asn' } },
        history: pinned('198.51.100.1'),
      },
      'address_not_allowed',
    ],
    [
      'access rules that block',
      { says: { accessRules: [{ type: 'ip.src', action: 'block', ip: nets('192.0.2.0/24') }] } },
      'address_not_allowed',
    ],
    [
      'access rules that allow',
      {
        says: {
          accessRules: [
            { type: 'ip.src', action: 'allow', ip: nets('192.0.2.0/24') },
            { type: 'any', action: 'block' },
          ],
        },
      },
      'permit',
    ],
    [
      'access rules and an unknown client',
      {
        says: { accessRules: [{ type: 'ip.src', action: 'block', ip: nets('10.0.0.0/8') }] },
        request: { client: undefined },
      },
      'address_not_allowed',
    ],
    [
      'access rules that block all',
      { says: { accessRules: [{ type: 'any', action: 'block' }] } },
      'address_not_allowed',
    ],
  ])('%s', (_what, given, expected) => {
    expect(verdict(given)).toBe(expected)
  })
})

describe('networks', () => {
  const lists = {
    pirates: new NetworkSet(nets('192.0.2.0/24')),
    friends: new NetworkSet(nets('2001:db8::/32')),
  }
  it.each<[string, Case, string]>([
    [
      'on a blocked list',
      { policy: { networks: { block: ['pirates'] } }, lists },
      'network_blocked',
    ],
    ['on no blocked list', { policy: { networks: { block: ['friends'] } }, lists }, 'permit'],
    ['a blocked CIDR', { policy: { networks: { block: ['192.0.0.0/16'] } } }, 'network_blocked'],
    ['an allowed CIDR', { policy: { networks: { allow: ['192.0.0.0/16'] } } }, 'permit'],
    [
      'on no allowed network',
      { policy: { networks: { allow: ['10.0.0.0/8', 'friends'] } }, lists },
      'network_blocked',
    ],
    [
      'allowed by list',
      {
        policy: { networks: { allow: ['10.0.0.0/8', 'friends'] } },
        lists,
        request: { client: '2001:db8::1' },
      },
      'permit',
    ],
    [
      'block wins over allow',
      { policy: { networks: { allow: ['192.0.2.1'], block: ['pirates'] } }, lists },
      'network_blocked',
    ],
    [
      'an unknown client',
      { policy: { networks: { block: ['10.0.0.0/8'] } }, request: { client: undefined } },
      'network_blocked',
    ],
    ['an unknown client and no list', { request: { client: undefined } }, 'permit'],
  ])('%s', (_what, given, expected) => {
    expect(verdict(given)).toBe(expected)
  })
})

describe('referrers', () => {
  const from = (referer: string | undefined, ...allow: string[]): Case => ({
    policy: { referrers: { allow } },
    request: referer === undefined ? {} : { headers: { Referer: referer } },
  })
  it.each<[string, Case, string]>([
    ['an allowed host', from('https://www.example.com/page?x', 'www.example.com'), 'permit'],
    ['its port does not matter', from('http://www.example.com:8080/', 'www.example.com'), 'permit'],
    ['the case does not matter', from('https://WWW.Example.com/', 'www.EXAMPLE.com'), 'permit'],
    ['another host', from('https://example.org/', 'www.example.com'), 'referrer_not_allowed'],
    [
      'a host that ends like it',
      from('https://evilexample.com/', 'example.com'),
      'referrer_not_allowed',
    ],
    [
      'a host that begins like it',
      from('https://example.com.evil.org/', 'example.com'),
      'referrer_not_allowed',
    ],
    [
      'the host as user name',
      from('https://example.com@evil.org/', 'example.com'),
      'referrer_not_allowed',
    ],
    [
      'the host in the path',
      from('https://evil.org/example.com', 'example.com'),
      'referrer_not_allowed',
    ],
    ['a subdomain by wildcard', from('https://a.b.example.com/', '*.example.com'), 'permit'],
    [
      'the wildcard domain itself',
      from('https://example.com/', '*.example.com'),
      'referrer_not_allowed',
    ],
    [
      'a lookalike of the wildcard',
      from('https://evil-example.com/', '*.example.com'),
      'referrer_not_allowed',
    ],
    ['one of several', from('https://b.example/', 'a.example', 'b.example'), 'permit'],
    ['no Referer', from(undefined, 'example.com'), 'referrer_not_allowed'],
    ['no Referer where none is allowed', from(undefined, 'none', 'example.com'), 'permit'],
    [
      'a wrong Referer where none is allowed',
      from('https://evil.org/', 'none'),
      'referrer_not_allowed',
    ],
    ['a host called none', from('https://none/', 'none'), 'referrer_not_allowed'],
    ['no address', from('example.com', 'example.com'), 'referrer_not_allowed'],
    ['another scheme', from('ftp://example.com/', 'example.com'), 'referrer_not_allowed'],
    ['an empty Referer', from('', 'none'), 'referrer_not_allowed'],
    ['no list', from('https://evil.org/'), 'permit'],
  ])('%s', (_what, given, expected) => {
    expect(verdict(given)).toBe(expected)
  })
})

describe('prefetch and preview bots', () => {
  const prefetch = { headers: { 'Sec-Purpose': 'prefetch' } }
  const bot = { headers: { 'User-Agent': 'Slackbot-LinkExpanding 1.0' } }
  it.each<[string, Case, string]>([
    [
      'a prefetch of a one-time link',
      { says: { multi_use: false }, request: prefetch },
      'prefetch_not_allowed',
    ],
    [
      'a preview bot on a one-time link',
      { says: { multi_use: false }, request: bot },
      'prefetch_not_allowed',
    ],
    ['a browser on a one-time link', { says: { multi_use: false } }, 'permit'],
    [
      'HEAD of a preview bot',
      { says: { multi_use: false }, request: { ...bot, method: 'HEAD' } },
      'permit',
    ],
    ['a prefetch of any other link', { request: prefetch }, 'permit'],
    ['a preview bot on any other link', { request: bot }, 'permit'],
    [
      'a prefetch where the policy limits uses',
      { policy: { uses: { max: 3 } }, request: prefetch },
      'prefetch_not_allowed',
    ],
    [
      'a preview bot that would pin a link',
      { policy: { address: { pin: 'first-use' } }, request: bot },
      'prefetch_not_allowed',
    ],
    [
      'a preview bot on a link that is pinned',
      {
        policy: { address: { pin: 'first-use' } },
        request: bot,
        history: { firstAddress: address('192.0.2.1') },
      },
      'permit',
    ],
  ])('%s', (_what, given, expected) => {
    expect(verdict(given)).toBe(expected)
  })
})

describe('the stricter of link and policy wins', () => {
  it.each([
    [undefined, null, undefined],
    [true, null, undefined],
    [false, null, 1],
    [false, 5, 1],
    [undefined, 5, 5],
    [true, 5, 5],
  ])('multi_use %s and uses.max %s leave %s', (multi_use, max, uses) => {
    const says: Constraints = multi_use === undefined ? {} : { multi_use }
    expect(maxUses(grantOf(says), policyOf({ uses: { max } }))).toBe(uses)
  })

  it.each([
    [undefined, null, undefined],
    [100, null, 100],
    [100, 50, 50],
    [50, 100, 50],
    [undefined, 50, 50],
  ])('rate %s and bytesPerSecond %s make %s', (rate, limit, perSecond) => {
    const says: Constraints = rate === undefined ? {} : { rate }
    const flows = flowsOf(grantOf(says), policyOf({ rate: { bytesPerSecond: limit } }), false)
    expect(flows.map(({ bytesPerSecond }) => bytesPerSecond)).toEqual(
      perSecond === undefined ? [] : [perSecond],
    )
  })

  it('a rate by subject is a flow beside that of the link; without a subject it is the link’s', () => {
    const policy = policyOf({ rate: { bytesPerSecond: 100, countBy: 'subject' } })
    const flows = (says: Constraints, isSlowed = false): unknown =>
      flowsOf(grantOf(says), policy, isSlowed).map(({ key, bytesPerSecond }) => [
        key.split(' ')[0],
        bytesPerSecond,
      ])
    expect(flows({ subject: 'ann' })).toEqual([['subject', 100]])
    expect(flows({ subject: 'ann', rate: 500 })).toEqual([
      ['link', 500],
      ['subject', 100],
    ])
    expect(flows({ rate: 500 })).toEqual([['link', 100]])
    expect(flows({ subject: 'ann', rate: 50 }, true)).toEqual([
      ['slow', 50],
      ['subject', 100],
    ])
  })
})

it('ignored parameters are exact names, or beginnings with a star', () => {
  const isIgnored = compileIgnored(['utm_*', 'fbclid'])
  expect(['utm_', 'utm_source', 'fbclid'].map(isIgnored)).toEqual([true, true, true])
  expect(['utm', 'xutm_source', 'fbclid2', 'FBCLID', '', 'UTM_source'].map(isIgnored)).toEqual(
    Array.from({ length: 6 }, () => false),
  )
})
