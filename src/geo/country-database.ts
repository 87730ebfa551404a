import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { LRUCache } from 'lru-cache'
import { type CountryResponse, Reader } from 'maxmind'
import { type Address, addressFromInteger } from '../base/address.ts'
import { isSpecialAddress } from '../base/special-addresses.ts'
import type { NetworkLookup } from './network-lookup.ts'

const require = createRequire(import.meta.url)

/** Addresses whose country is remembered. */
const REMEMBERED_ADDRESSES = 10_000
/** Records that stay decoded: there are about as many as countries. */
const DECODED_RECORDS = 1000
/** Networks in which a database must show a country before it counts as one of countries. */
const PROBED_NETWORKS = 10_000
/** Zero bytes between the search tree and the data (MaxMind DB 2.0, "Data Section Separator"). */
const SEPARATOR_BYTES = 16

/** A country database that is read into memory, or why it cannot be used. */
export type OpenedCountries =
  { readonly database: CountryDatabase } | { readonly unusable: string; readonly cause?: unknown }

/** Countries by network from an mmdb file in memory. */
export class CountryDatabase implements NetworkLookup {
  readonly builtAt: Date
  readonly #reader: Reader<CountryResponse>
  readonly #recent = new LRUCache<string, string>({ max: REMEMBERED_ADDRESSES })

  constructor(reader: Reader<CountryResponse>) {
    this.#reader = reader
    this.builtAt = reader.metadata.buildEpoch
  }

  country(address: Address): string | undefined {
    const recent = this.#recent.get(address.text)
    if (recent !== undefined) return recent === '' ? undefined : recent
    const country = this.#find(address)
    this.#recent.set(address.text, country ?? '')
    return country
  }

  /** Data made from registries names a country for private blocks as well: AU for 192.168.2.1. */
  #find(address: Address): string | undefined {
    if (isSpecialAddress(address)) return undefined
    // the reader would take the first 32 bits of an IPv6 address for an IPv4 one
    if (address.family === 6 && this.#reader.metadata.ipVersion === 4) return undefined
    try {
      return countryOf(this.#reader.get(address.text))
    } catch {
      // one damaged record says nothing of its network, and must not end every request from there
      return undefined
    }
  }
}

/** Opens the database that comes with the package. */
export function openPackagedCountries(): OpenedCountries {
  try {
    return openCountryDatabase(
      require.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'),
    )
  } catch (cause) {
    return { unusable: 'the packaged data is not installed', cause }
  }
}

/** Reads a database and makes sure that it is whole and holds countries. */
export function openCountryDatabase(file: string): OpenedCountries {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    return { unusable: 'cannot be read', cause }
  }
  try {
    const reader = new Reader<CountryResponse>(bytes, {
      cache: new LRUCache<number, object>({ max: DECODED_RECORDS }),
    })
    const wrong = whyBroken(bytes, reader)
    if (wrong !== undefined) return { unusable: wrong }
    if (!holdsCountries(reader)) return { unusable: 'names no country for any IPv4 network' }
    return { database: new CountryDatabase(reader) }
  } catch {
    return { unusable: 'is no mmdb database, or a broken one' }
  }
}

function whyBroken(bytes: Buffer, { metadata }: Reader<CountryResponse>): string | undefined {
  const { binaryFormatMajorVersion, searchTreeSize, ipVersion } = metadata
  if (binaryFormatMajorVersion !== 2) return 'is not of version 2 of the mmdb format'
  if (ipVersion !== 4 && ipVersion !== 6) return 'is neither for IPv4 nor for IPv6'
  const separator = bytes.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES)
  if (separator.length < SEPARATOR_BYTES || separator.some((byte) => byte !== 0)) {
    return 'is damaged: its tree does not end where it should'
  }
  return undefined
}

/** Whether some network of the first ones has a country: a database of AS numbers, say, has none. */
function holdsCountries(reader: Reader<CountryResponse>): boolean {
  let next = 0
  for (let i = 0; i < PROBED_NETWORKS && next < 2 ** 32; i++) {
    const [record, prefix] = reader.getWithPrefixLength(addressFromInteger(next).text)
    if (countryOf(record) !== undefined) return true
    next += 2 ** (32 - prefix)
  }
  return false
}

/** Both shapes of a record: that of the packaged data, and MaxMind's own. */
function countryOf(record: unknown): string | undefined {
  if (typeof record !== 'object' || record === null) return undefined
  const { country_code, country } = record as {
    readonly country_code?: unknown
    readonly country?: { readonly iso_code?: unknown } | null
  }
  const code = country_code ?? country?.iso_code
  return typeof code === 'string' && /^[A-Z]{2}$/.test(code) && code !== 'ZZ' ? code : undefined
}
