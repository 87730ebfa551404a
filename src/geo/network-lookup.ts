import type { Address } from '../base/address.ts'

/** What is known of the network that an address belongs to. */
export interface NetworkLookup {
  /** The country as ISO 3166-1 alpha-2 in capitals; undefined when unknown. */
  country(address: Address): string | undefined
  /** When the data was made. */
  readonly builtAt: Date
}

/** For places without any data: every country is unknown, so rules that need one refuse. */
export const KNOWS_NO_COUNTRY: NetworkLookup = {
  country: () => undefined,
  builtAt: new Date(0),
}
