import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Opened, openMmdb, type RecordKind } from './mmdb.ts'

const require = createRequire(import.meta.url)

/** Countries by network: ISO 3166-1 alpha-2 in capitals. */
export const COUNTRIES: RecordKind<string> = {
  read: countryOf,
  where: 'ipv4',
  missing: 'names no country for any IPv4 network',
}

/** Opens the database that comes with the package. */
export function openPackagedCountries(): Opened<string> {
  try {
    const file =
      require.resolve('@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb')
    return openMmdb(readFileSync(file), COUNTRIES)
  } catch (cause) {
    return { unusable: 'the packaged data is not installed', cause }
  }
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
