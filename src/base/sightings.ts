import type { EpochSeconds } from './clock.ts'

/** A network that downloads came from. */
export interface NetworkSighting {
  /** As `clientNetwork` writes it. */
  readonly network: string
  /** ISO 3166-1 alpha-2; undefined when unknown. */
  readonly country: string | undefined
  readonly asn: number | undefined
  /** Of a relay, whose country is not the client's. */
  readonly isRelay: boolean
  /** The device that it was seen with last. */
  readonly device: string
}

/** A network that was seen before. */
export interface SeenNetwork extends NetworkSighting {
  readonly firstSeen: EpochSeconds
  readonly lastSeen: EpochSeconds
}

/** Transfers that run now, of one network. */
export interface Flow {
  readonly network: string
  readonly country: string | undefined
  readonly isRelay: boolean
}

/** How many of each there are in a window: exact, or an estimate where more came than are kept one by one. */
export interface SightingTotals {
  readonly networks: number
  /** Networks, where those of one AS count as one and those of relays count as one. */
  readonly groups: number
  readonly asns: number
  readonly countries: number
  readonly devices: number
}

/** From where the links counted by one key were used within a window. */
export interface Sightings {
  /** Those that are kept one by one, the latest last. */
  readonly networks: readonly SeenNetwork[]
  readonly devices: readonly string[]
  /** Undefined while every network and device is kept one by one. */
  readonly estimates: SightingTotals | undefined
  readonly flows: readonly Flow[]
}

export const NO_SIGHTINGS: Sightings = {
  networks: [],
  devices: [],
  estimates: undefined,
  flows: [],
}

/** What a network counts as where nothing else is known of it. */
export function groupKey({ network, asn, isRelay }: NetworkSighting): string {
  if (isRelay) return 'relay'
  return asn === undefined ? network : `AS${asn}`
}
