import { describe, expect, it } from 'vitest'
import { NOTHING_KNOWN } from '../../../src/base/network-facts.ts'
import { ANONYMIZED } from '../../../src/geo/anonymous-database.ts'
import { AS_NUMBERS } from '../../../src/geo/asn-database.ts'
import { COUNTRIES, openPackagedCountries } from '../../../src/geo/country-database.ts'
import { openMmdb, type RecordKind } from '../../../src/geo/mmdb.ts'
import { NetworkData } from '../../../src/geo/network-data.ts'
import { makeMmdb } from '../../support/mmdb.ts'
import { databaseOf } from '../../support/network-databases.ts'
import { address } from '../../support/request-parts.ts'

const open = <T>(kind: RecordKind<T>, record: unknown, builtAt: number) =>
  databaseOf(openMmdb(makeMmdb({ '0.0.0.0/0': record, '2000::/3': record }, { builtAt }), kind))

const data = new NetworkData({
  country: open(COUNTRIES, { country_code: 'SE' }, 1),
  asn: open(AS_NUMBERS, { autonomous_system_number: 64_501 }, 2),
  anonymous: open(ANONYMIZED, { is_anonymous_vpn: true }, 3),
})

describe('the facts of an address', () => {
  it.each(['8.8.8.8', '2a01:4f8::1'])('come from all databases: %s', (text) => {
    const facts = { country: 'SE', asn: 64_501, anonymizers: ['vpn'] }
    expect(data.find(address(text))).toEqual(facts)
    expect(data.find(address(text))).toBe(data.find(address(text)))
  })

  it.each([
    '192.168.2.1',
    '10.0.0.1',
    '172.16.0.1',
    '127.0.0.1',
    '100.64.0.1',
    '169.254.1.1',
    '203.0.113.7',
    '198.51.100.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    'fc00::1',
    'fe80::1',
    '2001:db8::1',
    '::ffff:192.168.2.1',
  ])('are unknown for the special address %s, whatever stands in the files', (text) => {
    const packaged = new NetworkData({ country: databaseOf(openPackagedCountries()) })
    expect(data.find(address(text))).toEqual(NOTHING_KNOWN)
    expect(packaged.find(address(text))).toEqual(NOTHING_KNOWN)
  })

  it('are unknown where no database is', () => {
    expect(new NetworkData({}).find(address('8.8.8.8'))).toEqual(NOTHING_KNOWN)
  })
})

it('each database says when it was made', () => {
  expect([...data.builtAt()]).toEqual([
    ['country', new Date(1000)],
    ['asn', new Date(2000)],
    ['anonymous', new Date(3000)],
  ])
  expect([...new NetworkData({}).builtAt()]).toEqual([])
})
