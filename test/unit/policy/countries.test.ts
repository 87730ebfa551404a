import { describe, expect, it } from 'vitest'
import type { AccessRule } from '../../../src/link/access-rule.ts'
import { decide } from '../../../src/policy/decide.ts'
import { contextOf, grantOf, historyOf, policyOf } from '../../support/request-parts.ts'
import { parseNetwork } from '../../../src/base/address.ts'

function verdict(
  country: string | undefined,
  policy: Readonly<Record<string, unknown>>,
  accessRules?: readonly AccessRule[],
): string {
  const { refusal } = decide(
    grantOf(accessRules && { accessRules }),
    contextOf('/files/a.mp4', country === undefined ? {} : { country }),
    policyOf(policy),
    historyOf(),
  )
  return refusal?.reason ?? 'permit'
}

describe('countries of the policy', () => {
  it.each<[string, string | undefined, { allow?: string[]; block?: string[] }, string]>([
    ['one that is allowed', 'DE', { allow: ['FR', 'DE'] }, 'permit'],
    ['one that is not', 'US', { allow: ['FR', 'DE'] }, 'country_not_allowed'],
    ['one that is blocked', 'US', { block: ['US'] }, 'country_not_allowed'],
    ['one that is not blocked', 'DE', { block: ['US'] }, 'permit'],
    ['one that is both', 'DE', { allow: ['DE'], block: ['DE'] }, 'country_not_allowed'],
    ['none known, some allowed', undefined, { allow: ['DE'] }, 'country_not_allowed'],
    ['none known, some blocked', undefined, { block: ['DE'] }, 'country_not_allowed'],
    ['none known, none named', undefined, {}, 'permit'],
    ['any, none named', 'DE', {}, 'permit'],
  ])('%s', (_what, country, countries, expected) => {
    expect(verdict(country, { countries })).toBe(expected)
  })
})

describe('access rules of the link', () => {
  const country = (action: 'allow' | 'block', ...codes: string[]): AccessRule => ({
    type: 'ip.geoip.country',
    action,
    country: codes,
  })
  const from = (action: 'allow' | 'block', text: string): AccessRule => ({
    type: 'ip.src',
    action,
    ip: [parseNetwork(text)!],
  })
  const any = (action: 'allow' | 'block'): AccessRule => ({ type: 'any', action })

  it.each<[string, string | undefined, AccessRule[], string]>([
    ['allow the country', 'DE', [country('allow', 'DE'), any('block')], 'permit'],
    ['allow another', 'US', [country('allow', 'DE'), any('block')], 'country_not_allowed'],
    ['block the country', 'DE', [country('block', 'DE')], 'country_not_allowed'],
    ['block another', 'US', [country('block', 'DE')], 'permit'],
    ['block an unknown country', undefined, [country('block', 'DE')], 'country_not_allowed'],
    [
      'allow some, and the country is unknown',
      undefined,
      [country('allow', 'DE'), any('allow')],
      'country_not_allowed',
    ],
    [
      'allow the address before the country is asked',
      undefined,
      [from('allow', '192.0.2.0/24'), country('allow', 'DE'), any('block')],
      'permit',
    ],
    [
      'block the address before the country is asked',
      'DE',
      [from('block', '192.0.2.0/24'), country('allow', 'DE')],
      'address_not_allowed',
    ],
    [
      'block the country before the address is asked',
      'DE',
      [country('block', 'DE'), from('allow', '192.0.2.0/24')],
      'country_not_allowed',
    ],
  ])('that %s', (_what, known, rules, expected) => {
    expect(verdict(known, {}, rules)).toBe(expected)
  })
})
