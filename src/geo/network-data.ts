import { LRUCache } from 'lru-cache'
import type { Address } from '../base/address.ts'
import { type NetworkFacts, NOTHING_KNOWN } from '../base/network-facts.ts'
import { isSpecialAddress } from '../base/special-addresses.ts'
import type { MmdbDatabase } from './mmdb.ts'
import type { NetworkDataFacts } from './network-file.ts'
import { NETWORK_DATA, type NetworkDataName, type NetworkLookup } from './network-lookup.ts'

/** Addresses whose facts are remembered. */
const REMEMBERED_ADDRESSES = 10_000

/** A database for each set of data that there is. */
export type NetworkDatabases = {
  readonly [Name in NetworkDataName]?: MmdbDatabase<NetworkDataFacts[Name]>
}

/** What the databases in memory say of an address. */
export class NetworkData implements NetworkLookup {
  readonly databases: NetworkDatabases
  readonly #recent = new LRUCache<string, NetworkFacts>({ max: REMEMBERED_ADDRESSES })

  constructor(databases: NetworkDatabases) {
    this.databases = databases
  }

  find(address: Address): NetworkFacts {
    const recent = this.#recent.get(address.text)
    if (recent) return recent
    const facts = this.#look(address)
    this.#recent.set(address.text, facts)
    return facts
  }

  *builtAt(): Generator<readonly [NetworkDataName, Date]> {
    for (const name of NETWORK_DATA) {
      const database = this.databases[name]
      if (database) yield [name, database.builtAt]
    }
  }

  /** Data made from registries names a country for private blocks as well: AU for 192.168.2.1. */
  #look(address: Address): NetworkFacts {
    if (isSpecialAddress(address)) return NOTHING_KNOWN
    const { country, asn, anonymous } = this.databases
    return {
      country: country?.find(address),
      asn: asn?.find(address),
      anonymizers: anonymous?.find(address) ?? NOTHING_KNOWN.anonymizers,
    }
  }
}
