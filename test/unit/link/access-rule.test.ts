import { describe, expect, it } from 'vitest'
import {
  evaluateAccessRules,
  formatAccessRules,
  parseAccessRules,
} from '../../../src/link/access-rule.ts'
import { address } from '../../support/request-parts.ts'

function verdict(rules: unknown, client: string | undefined, country?: string): string {
  const parsed = parseAccessRules(rules)
  if (!parsed) throw new Error('no access rules')
  return evaluateAccessRules(parsed, client === undefined ? undefined : address(client), country)
    .verdict
}

const any = (action: string): object => ({ type: 'any', action })
const from = (action: string, ...ip: string[]): object => ({ type: 'ip.src', action, ip })
const country = (action: string, ...codes: string[]): object => ({
  type: 'ip.geoip.country',
  action,
  country: codes,
})

describe('the first rule that matches decides', () => {
  it.each([
    ['no match allows', [from('block', '10.0.0.0/8')], '192.0.2.1', 'allow'],
    ['a block that matches', [from('block', '192.0.2.0/24')], '192.0.2.1', 'block'],
    [
      'an allow before a block of all',
      [from('allow', '192.0.2.1'), any('block')],
      '192.0.2.1',
      'allow',
    ],
    [
      'the block of all behind it',
      [from('allow', '192.0.2.1'), any('block')],
      '192.0.2.2',
      'block',
    ],
    ['an allow of all in front', [any('allow'), from('block', '192.0.2.1')], '192.0.2.1', 'allow'],
    ['an IPv4 rule ignores IPv6 viewers', [from('block', '0.0.0.0/0')], '2001:db8::1', 'allow'],
    [
      'an IPv6 rule ignores IPv4 viewers',
      [from('allow', '::/0'), any('block')],
      '192.0.2.1',
      'block',
    ],
    [
      'any of several networks',
      [from('allow', '10.0.0.0/8', '2001:db8::/32'), any('block')],
      '2001:db8::9',
      'allow',
    ],
    [
      'an unknown address ends the search',
      [from('block', '10.0.0.0/8'), any('allow')],
      undefined,
      'unknown',
    ],
    ['a rule for all needs no address', [any('allow')], undefined, 'allow'],
    [
      'an unknown country ends the search',
      [country('block', 'DE'), any('allow')],
      '192.0.2.1',
      'unknown',
    ],
  ])('%s', (_what, rules, client, expected) => {
    expect(verdict(rules, client)).toBe(expected)
  })

  it.each([
    [[country('allow', 'DE', 'FR'), any('block')], 'FR', 'allow'],
    [[country('allow', 'DE', 'FR'), any('block')], 'US', 'block'],
    [[country('block', 'DE')], 'DE', 'block'],
    [[country('block', 'DE')], 'US', 'allow'],
  ])('countries: %j from %s', (rules, code, expected) => {
    expect(verdict(rules, '192.0.2.1', code)).toBe(expected)
  })
})

it('one address or country may stand without a list', () => {
  expect(verdict([{ type: 'ip.src', action: 'block', ip: '192.0.2.1' }], '192.0.2.1')).toBe('block')
  expect(
    verdict([{ type: 'ip.geoip.country', action: 'block', country: 'DE' }], undefined, 'DE'),
  ).toBe('block')
})

it('at most 5 rules of at most 64 networks', () => {
  expect(parseAccessRules(Array.from({ length: 5 }, () => any('allow')))).toHaveLength(5)
  expect(parseAccessRules(Array.from({ length: 6 }, () => any('allow')))).toBeUndefined()
  const networks = (count: number): string[] => Array.from({ length: count }, () => '10.0.0.1')
  expect(parseAccessRules([from('allow', ...networks(64))])).toHaveLength(1)
  expect(parseAccessRules([from('allow', ...networks(65))])).toBeUndefined()
})

it.each([
  [undefined],
  [[]],
  [{}],
  ['any'],
  [[any('deny')]],
  [[{ type: 'any' }]],
  [[{ type: '', action: 'allow' }]],
  [[{ ...any('allow'), note: 1 }]],
  [[{ ...any('allow'), ip: ['::/0'] }]],
  [[from('allow')]],
  [[from('allow', 'nowhere')]],
  [[{ ...from('allow', '::1'), country: ['DE'] }]],
  [[country('allow')]],
  [[country('allow', 'de')]],
  [[country('allow', 'DEU')]],
  [[{ ...country('allow', 'DE'), ip: '::1' }]],
  [[null]],
  [[[]]],
])('%j is none', (value) => {
  expect(parseAccessRules(value)).toBeUndefined()
})

it('the JSON form comes back', () => {
  const rules = [from('allow', '192.0.2.0/24', '2001:db8::1'), country('block', 'DE'), any('block')]
  expect(formatAccessRules(parseAccessRules(rules) ?? [])).toEqual(rules)
})
