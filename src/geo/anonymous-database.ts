import type { Anonymizer } from '../base/network-facts.ts'
import type { RecordKind } from './mmdb.ts'

/** The keys of MaxMind's Anonymous IP and Anonymous Plus; each is present only where it is true. */
const KEYS: Readonly<Record<string, Anonymizer>> = {
  is_tor_exit_node: 'tor',
  is_anonymous_vpn: 'vpn',
  is_public_proxy: 'publicProxy',
  is_residential_proxy: 'residentialProxy',
  is_hosting_provider: 'hosting',
}

/** Kinds of anonymizers by network. */
export const ANONYMIZED: RecordKind<readonly Anonymizer[]> = {
  read: anonymizersOf,
  where: 'anywhere',
  missing: 'names no anonymizer for any network',
}

/** A network that is anonymous and nothing more precise counts as a VPN: those are most of them. */
function anonymizersOf(record: unknown): readonly Anonymizer[] | undefined {
  if (typeof record !== 'object' || record === null) return undefined
  const flags = record as Readonly<Record<string, unknown>>
  const found = Object.entries(KEYS).flatMap(([key, kind]) => (flags[key] === true ? kind : []))
  if (found.length > 0) return found
  return flags['is_anonymous'] === true ? ['vpn'] : undefined
}
