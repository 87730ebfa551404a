import type { Address } from '../base/address.ts'
import { type NetworkFacts, NOTHING_KNOWN } from '../base/network-facts.ts'

/** The sets of data about networks, by the setting of `geo` that names each. */
export const NETWORK_DATA = ['country', 'asn', 'anonymous'] as const

export type NetworkDataName = (typeof NETWORK_DATA)[number]

/** The data that is asked about networks. */
export interface NetworkLookup {
  find(address: Address): NetworkFacts
  /** When each of the data sets was made, by the setting that names it. */
  builtAt(): Iterable<readonly [data: NetworkDataName, made: Date]>
}

/** For places without any data: every network is unknown, so rules that need to know refuse. */
export const KNOWS_NOTHING: NetworkLookup = {
  find: () => NOTHING_KNOWN,
  builtAt: () => [],
}
