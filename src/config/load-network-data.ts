import { openPackagedCountries } from '../geo/country-database.ts'
import type { MmdbDatabase, Opened } from '../geo/mmdb.ts'
import { NetworkData } from '../geo/network-data.ts'
import { openNetworkFile } from '../geo/network-file.ts'
import { NETWORK_DATA, type NetworkDataName } from '../geo/network-lookup.ts'
import { textAt } from './draft.ts'
import { type Finding, reasonOf } from './problem.ts'

export interface LoadedNetworkData {
  readonly networks: NetworkData
  readonly findings: readonly Finding[]
}

/** The packaged data never changes while a process lives, so it is read once. */
let packaged: MmdbDatabase<string> | undefined

/** Reads the databases that the gateway's data names; for countries the packaged one if it names none. */
export function loadNetworkData(data: unknown, place: (path: string) => string): LoadedNetworkData {
  const databases: Partial<Record<NetworkDataName, MmdbDatabase<unknown>>> = {}
  const findings: Finding[] = []
  for (const name of NETWORK_DATA) {
    const path = ['geo', name]
    const file = textAt(data, path)
    if (file === undefined && name !== 'country') continue
    const opened = file === undefined ? packagedCountries() : openNetworkFile(name, place(file))
    if ('database' in opened) databases[name] = opened.database
    else findings.push({ path, message: whyUnusable(opened) })
  }
  return { networks: new NetworkData(databases as NetworkData['databases']), findings }
}

function packagedCountries(): Opened<string> {
  if (packaged) return { database: packaged }
  const opened = openPackagedCountries()
  if ('database' in opened) packaged = opened.database
  return opened
}

function whyUnusable({ unusable, cause }: { unusable: string; cause?: unknown }): string {
  return cause === undefined ? unusable : `${unusable}: ${reasonOf(cause)}`
}
