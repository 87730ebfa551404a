import { describe, expect, it } from 'vitest'
import type { Anonymizer } from '../../../src/base/network-facts.ts'
import { ANONYMIZED } from '../../../src/geo/anonymous-database.ts'
import { openMmdb } from '../../../src/geo/mmdb.ts'
import { makeMmdb } from '../../support/mmdb.ts'
import { databaseOf } from '../../support/network-databases.ts'
import { address } from '../../support/request-parts.ts'

const TOR = { is_anonymous: true, is_tor_exit_node: true }

describe('a record', () => {
  it.each<[string, unknown, readonly Anonymizer[] | undefined]>([
    ['of a Tor exit', TOR, ['tor']],
    ['of a VPN', { is_anonymous: true, is_anonymous_vpn: true }, ['vpn']],
    ['of a public proxy', { is_anonymous: true, is_public_proxy: true }, ['publicProxy']],
    [
      'of a residential proxy',
      { is_anonymous: true, is_residential_proxy: true },
      ['residentialProxy'],
    ],
    ['of a data centre', { is_anonymous: true, is_hosting_provider: true }, ['hosting']],
    [
      'of several kinds',
      { is_anonymous: true, is_hosting_provider: true, is_anonymous_vpn: true },
      ['vpn', 'hosting'],
    ],
    ['that says no more than anonymous', { is_anonymous: true }, ['vpn']],
    ['of Anonymous Plus', { ...TOR, anonymizer_confidence: 99, provider_name: 'x' }, ['tor']],
    ['whose values are false', { is_anonymous: false, is_tor_exit_node: false }, undefined],
    ['whose values are texts', { is_anonymous: 'true', is_tor_exit_node: 'yes' }, undefined],
    ['whose values are numbers', { is_anonymous: 1, is_tor_exit_node: 1 }, undefined],
    ['of a country', { country_code: 'DE' }, undefined],
    ['that is no map', 'tor', undefined],
  ])('%s', (_what, record, expected) => {
    const database = databaseOf(
      openMmdb(makeMmdb({ '5.9.0.0/16': record, '1.0.0.0/24': TOR }), ANONYMIZED),
    )
    const found = ['5.9.0.1', '1.0.0.1', '8.8.8.8'].map((text) => database.find(address(text)))
    expect(found).toEqual([expected, ['tor'], undefined])
  })
})

describe('a database', () => {
  it.each([
    ['one address at the end of IPv4', { '223.255.255.255': TOR }, '223.255.255.255'],
    ['one address of IPv6', { '2a01:4f8::5': TOR }, '2a01:4f8::5'],
    ['one address at the end of IPv6', { 'ffff:ffff::ffff': TOR }, 'ffff:ffff::ffff'],
    [
      'many networks of another kind before',
      {
        ...Object.fromEntries(
          Array.from({ length: 3000 }, (_, i) => [
            `10.${i >> 8}.${i & 255}.0/24`,
            { is_anonymous: false },
          ]),
        ),
        '46.4.0.9': TOR,
      },
      '46.4.0.9',
    ],
  ])('may hold no more than %s', (_what, networks, held) => {
    const database = databaseOf(openMmdb(makeMmdb(networks), ANONYMIZED))
    expect(database.find(address(held))).toEqual(['tor'])
  })

  it.each([
    ['for IPv4', 4],
    ['for IPv6', 6],
  ] as const)('%s that holds no network is refused', (_what, ipVersion) => {
    expect(openMmdb(makeMmdb({}, { ipVersion }), ANONYMIZED)).toEqual({
      unusable: 'names no anonymizer for any network',
    })
  })

  it('of countries is refused', () => {
    const countries = makeMmdb({ '8.8.8.0/24': { country_code: 'US' } })
    expect(openMmdb(countries, ANONYMIZED)).toHaveProperty('unusable')
  })
})
