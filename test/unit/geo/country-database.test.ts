import { describe, expect, it } from 'vitest'
import { COUNTRIES, openPackagedCountries } from '../../../src/geo/country-database.ts'
import { openMmdb } from '../../../src/geo/mmdb.ts'
import { makeMmdb } from '../../support/mmdb.ts'
import { databaseOf } from '../../support/network-databases.ts'
import { address } from '../../support/request-parts.ts'

describe('the packaged data', () => {
  const database = databaseOf(openPackagedCountries())

  it.each([
    ['8.8.8.8', 'US'],
    ['212.58.244.1', 'GB'],
    ['5.9.0.1', 'DE'],
    ['::ffff:5.9.0.1', 'DE'],
    ['2a01:4f8::1', 'DE'],
  ])('knows %s as %s', (text, expected) => {
    expect(database.find(address(text))).toBe(expected)
  })

  it('says when it was made', () => {
    expect(database.builtAt.getTime()).toBeGreaterThan(Date.parse('2026-01-01'))
  })
})

describe('a record', () => {
  it.each<[string, unknown, string | undefined]>([
    ['in the shape of the packaged data', { country_code: 'SE' }, 'SE'],
    ["in MaxMind's shape", { country: { iso_code: 'SE', geoname_id: 2_661_886 } }, 'SE'],
    ['of a continent alone', { continent: { code: 'EU' } }, undefined],
    ['of a country without a code', { country: { is_in_european_union: true } }, undefined],
    ['of the code for unknown', { country_code: 'ZZ' }, undefined],
    ['of an empty code', { country_code: '' }, undefined],
    ['of a small code', { country_code: 'se' }, undefined],
    ['of three letters', { country_code: 'SWE' }, undefined],
    ['of a number', { country_code: 752 }, undefined],
    ['that is no map', 'SE', undefined],
  ])('%s', (_what, record, expected) => {
    const bytes = makeMmdb({ '1.0.0.0/24': { country_code: 'AU' }, '8.8.8.0/24': record })
    const database = databaseOf(openMmdb(bytes, COUNTRIES))
    const found = ['8.8.8.8', '1.0.0.1', '8.8.9.1'].map((text) => database.find(address(text)))
    expect(found).toEqual([expected, 'AU', undefined])
  })
})

describe('a database', () => {
  it.each([
    ['of AS numbers', makeMmdb({ '8.8.8.0/24': { autonomous_system_number: 15_169 } })],
    ['of countries for IPv6 alone', makeMmdb({ '2a00::/16': { country_code: 'FR' } })],
  ])('%s is refused', (_what, bytes) => {
    expect(openMmdb(bytes, COUNTRIES)).toEqual({
      unusable: 'names no country for any IPv4 network',
    })
  })
})
