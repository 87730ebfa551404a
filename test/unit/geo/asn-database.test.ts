import { describe, expect, it } from 'vitest'
import { AS_NUMBERS } from '../../../src/geo/asn-database.ts'
import { openMmdb } from '../../../src/geo/mmdb.ts'
import { makeMmdb } from '../../support/mmdb.ts'
import { databaseOf } from '../../support/network-databases.ts'
import { address } from '../../support/request-parts.ts'

describe('a record', () => {
  it.each<[string, unknown, number | undefined]>([
    [
      'as MaxMind and ip-location-db write it',
      { autonomous_system_number: 15_169, autonomous_system_organization: 'Google' },
      15_169,
    ],
    ['as IPinfo writes it', { asn: 'AS15169', as_name: 'Google' }, 15_169],
    ['of the largest number', { autonomous_system_number: 4_294_967_295 }, 4_294_967_295],
    ['of an organization alone', { autonomous_system_organization: 'Google' }, undefined],
    ['of AS 0', { autonomous_system_number: 0 }, undefined],
    ['of a number as text', { autonomous_system_number: '15169' }, undefined],
    ['of an empty text', { asn: '' }, undefined],
    ['of a text that is too large', { asn: 'AS9999999999' }, undefined],
    ['of a country', { country_code: 'US' }, undefined],
    ['that is no map', 15_169, undefined],
  ])('%s', (_what, record, expected) => {
    const bytes = makeMmdb({
      '1.0.0.0/24': { autonomous_system_number: 13_335 },
      '8.8.8.0/24': record,
      '2001:4860::/32': record,
    })
    const database = databaseOf(openMmdb(bytes, AS_NUMBERS))
    const found = ['8.8.8.8', '2001:4860::1', '1.0.0.1', '9.9.9.9'].map((text) =>
      database.find(address(text)),
    )
    expect(found).toEqual([expected, expected, 13_335, undefined])
  })
})

it('a database of countries is refused', () => {
  expect(openMmdb(makeMmdb({ '8.8.8.0/24': { country_code: 'US' } }), AS_NUMBERS)).toEqual({
    unusable: 'names no AS number for any IPv4 network',
  })
})
