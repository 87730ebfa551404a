import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type CountryDatabase,
  openCountryDatabase,
  openPackagedCountries,
  type OpenedCountries,
} from '../../../src/geo/country-database.ts'
import { makeMmdb, type MmdbOptions } from '../../support/mmdb.ts'
import { address } from '../../support/request-parts.ts'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-geo-'))
})

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

function openBytes(bytes: Buffer): OpenedCountries {
  const file = join(directory, 'test.mmdb')
  writeFileSync(file, bytes)
  return openCountryDatabase(file)
}

function databaseOf(opened: OpenedCountries): CountryDatabase {
  if ('unusable' in opened) throw new Error(opened.unusable)
  return opened.database
}

function databaseWith(
  networks: Readonly<Record<string, unknown>>,
  options?: MmdbOptions,
): (text: string) => string | undefined {
  const database = databaseOf(openBytes(makeMmdb(networks, options)))
  return (text) => database.country(address(text))
}

describe('the packaged data', () => {
  const database = databaseOf(openPackagedCountries())
  const country = (text: string): string | undefined => database.country(address(text))

  it.each([
    ['8.8.8.8', 'US'],
    ['212.58.244.1', 'GB'],
    ['5.9.0.1', 'DE'],
    ['::ffff:5.9.0.1', 'DE'],
    ['2a01:4f8::1', 'DE'],
  ])('knows %s as %s', (text, expected) => {
    expect(country(text)).toBe(expected)
    expect(country(text)).toBe(expected)
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
  ])('does not know the special address %s, whatever stands in the file', (text) => {
    expect(country(text)).toBeUndefined()
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
    const country = databaseWith({ '1.0.0.0/24': { country_code: 'AU' }, '8.8.8.0/24': record })
    expect([country('8.8.8.8'), country('1.0.0.1'), country('8.8.9.1')]).toEqual([
      expected,
      'AU',
      undefined,
    ])
  })

  it('of the narrowest network counts', () => {
    const country = databaseWith({
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

  it('for IPv4 alone says nothing of an IPv6 address that begins with the same bits', () => {
    const country = databaseWith({ '42.0.0.0/8': { country_code: 'CN' } }, { ipVersion: 4 })
    expect([country('42.0.0.1'), country('2a00::1')]).toEqual(['CN', undefined])
  })
})

describe('a file', () => {
  const whole = makeMmdb({ '8.8.8.0/24': { country_code: 'US' } })

  it('that is not there is unusable, with the cause', () => {
    expect(openCountryDatabase(join(directory, 'none.mmdb'))).toMatchObject({
      unusable: 'cannot be read',
      cause: { code: 'ENOENT' },
    })
  })

  it.each<[string, Buffer, RegExp]>([
    ['empty', Buffer.alloc(0), /no mmdb/],
    ['of something else', Buffer.from('id,country\n1,DE\n'.repeat(100)), /no mmdb/],
    ['cut at its end', whole.subarray(0, -200), /no mmdb/],
    ['cut at its beginning', whole.subarray(100), /damaged/],
    [
      'of AS numbers',
      makeMmdb({ '8.8.8.0/24': { autonomous_system_number: 15_169 } }),
      /names no country/,
    ],
    [
      'for IPv6 alone',
      makeMmdb({ '2a00::/16': { country_code: 'FR' } }),
      /names no country for any IPv4/,
    ],
  ])('that is %s is unusable', (_what, bytes, expected) => {
    expect(openBytes(bytes)).toEqual({ unusable: expect.stringMatching(expected) })
  })

  it('is read into memory: what happens to it later does not matter', () => {
    const file = join(directory, 'gone.mmdb')
    writeFileSync(file, whole)
    const database = databaseOf(openCountryDatabase(file))
    rmSync(file)
    expect(database.country(address('8.8.8.8'))).toBe('US')
  })
})
