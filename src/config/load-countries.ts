import { openCountryDatabase, openPackagedCountries } from '../geo/country-database.ts'
import { KNOWS_NO_COUNTRY, type NetworkLookup } from '../geo/network-lookup.ts'
import { textAt } from './draft.ts'
import { type Finding, reasonOf } from './problem.ts'

export interface LoadedCountries {
  readonly countries: NetworkLookup
  readonly findings: readonly Finding[]
}

/** The packaged data never changes while a process lives, so it is read once. */
let packaged: NetworkLookup | undefined

/** Reads the country database that the gateway's data names, or the packaged one. */
export function loadCountries(data: unknown, place: (path: string) => string): LoadedCountries {
  const path = ['geo', 'country']
  const named = textAt(data, path)
  if (named === undefined && packaged) return { countries: packaged, findings: [] }
  const opened = named === undefined ? openPackagedCountries() : openCountryDatabase(place(named))
  if ('unusable' in opened) {
    const { unusable, cause } = opened
    const message = cause === undefined ? unusable : `${unusable}: ${reasonOf(cause)}`
    return { countries: KNOWS_NO_COUNTRY, findings: [{ path, message }] }
  }
  if (named === undefined) packaged = opened.database
  return { countries: opened.database, findings: [] }
}
