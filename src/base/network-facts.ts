/** Kinds of networks that hide who asks. */
export const ANONYMIZERS = [
  'tor',
  'vpn',
  'publicProxy',
  'residentialProxy',
  'hosting',
  'relay',
] as const

export type Anonymizer = (typeof ANONYMIZERS)[number]

/** What is known of the network that an address belongs to. */
export interface NetworkFacts {
  /** ISO 3166-1 alpha-2 in capitals; undefined when unknown, and rules that need it then refuse. */
  readonly country: string | undefined
  /** Autonomous system number; undefined when unknown. */
  readonly asn: number | undefined
  readonly anonymizers: readonly Anonymizer[]
}

export const NOTHING_KNOWN: NetworkFacts = { country: undefined, asn: undefined, anonymizers: [] }
