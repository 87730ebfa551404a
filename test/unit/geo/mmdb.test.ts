import { describe, expect, it } from 'vitest'
import { COUNTRIES } from '../../../src/geo/country-database.ts'
import { openMmdb } from '../../../src/geo/mmdb.ts'
import { makeMmdb, type MmdbOptions } from '../../support/mmdb.ts'
import { databaseOf } from '../../support/network-databases.ts'
import { address } from '../../support/request-parts.ts'

function finding(
  networks: Readonly<Record<string, unknown>>,
  options?: MmdbOptions,
): (text: string) => string | undefined {
  const database = databaseOf(openMmdb(makeMmdb(networks, options), COUNTRIES))
  return (text) => database.find(address(text))
}

describe('an address', () => {
  it('belongs to the narrowest network', () => {
    const country = finding({
      '8.0.0.0/8': { country_code: 'US' },
      '8.8.8.8': { country_code: 'SE' },
      '2a00::/16': { country_code: 'FR' },
    })
    expect(['8.8.8.8', '8.8.8.9', '9.0.0.1', '2a00::1'].map(country)).toEqual([
      'SE',
      'US',
      undefined,
      'FR',
    ])
  })

  it('of IPv6 is unknown to a database for IPv4 that has the same first bits', () => {
    const country = finding({ '42.0.0.0/8': { country_code: 'CN' } }, { ipVersion: 4 })
    expect([country('42.0.0.1'), country('2a00::1')]).toEqual(['CN', undefined])
  })
})

describe('a file', () => {
  const whole = makeMmdb({ '8.8.8.0/24': { country_code: 'US' } })

  it.each<[string, Buffer, RegExp]>([
    ['empty', Buffer.alloc(0), /no mmdb/],
    ['of something else', Buffer.from('id,country\n1,DE\n'.repeat(100)), /no mmdb/],
    ['cut at its end', whole.subarray(0, -200), /no mmdb/],
    ['cut at its beginning', whole.subarray(100), /damaged/],
    ['without a network', makeMmdb({}), /names no country/],
  ])('that is %s is unusable', (_what, bytes, expected) => {
    expect(openMmdb(bytes, COUNTRIES)).toEqual({ unusable: expect.stringMatching(expected) })
  })
})
