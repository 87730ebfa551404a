import type { EpochSeconds } from '../../base/clock.ts'
import { clientGroups } from './client-groups.ts'
import type {
  Flow,
  NetworkSighting,
  SeenNetwork,
  Sightings,
  SightingTotals,
} from '../../base/sightings.ts'

/** What was seen within a window, with the client that asks counted in. */
export interface Picture {
  readonly now: EpochSeconds
  readonly windowSeconds: number
  readonly client: NetworkSighting
  readonly before: readonly SeenNetwork[]
  /** Those kept one by one, the client's last. */
  readonly networks: readonly NetworkSighting[]
  readonly totals: SightingTotals
  /** What the client adds to. */
  readonly adds: { readonly [K in keyof SightingTotals]: boolean }
  readonly flows: readonly Flow[]
}

/** Counts the client that asks in with those who were seen. */
export function pictureOf(
  { networks: before, devices, estimates, flows }: Sightings,
  client: NetworkSighting,
  now: EpochSeconds,
  windowSeconds: number,
): Picture {
  const others = before.filter(({ network }) => network !== client.network)
  const networks = [...others, client]
  const groups = clientGroups(networks)
  const isKnown = others.length < before.length
  const adds = {
    networks: !isKnown,
    groups: !isKnown && groups.some((group) => group.length === 1 && group[0] === client),
    asns: client.asn !== undefined && !before.some(({ asn }) => asn === client.asn),
    countries: !client.isRelay && !countriesOf(before).has(client.country),
    devices: !devices.includes(client.device),
  }
  const exact = {
    networks: networks.length,
    groups: groups.length,
    asns: new Set(networks.flatMap(({ asn }) => asn ?? [])).size,
    countries: countriesOf(networks).size,
    devices: devices.length + (adds.devices ? 1 : 0),
  }
  const totals = estimates ? estimated(estimates, exact, adds) : exact
  return { now, windowSeconds, client, before, networks, totals, adds, flows }
}

/** A country that is unknown counts as one more; that of a relay does not count. */
function countriesOf(networks: readonly NetworkSighting[]): Set<string | undefined> {
  return new Set(networks.filter(({ isRelay }) => !isRelay).map(({ country }) => country))
}

/** An estimate is never less than what is known one by one. */
function estimated(
  estimates: SightingTotals,
  exact: SightingTotals,
  adds: Picture['adds'],
): SightingTotals {
  const most = (of: keyof SightingTotals): number =>
    Math.max(exact[of], Math.round(estimates[of]) + (adds[of] ? 1 : 0))
  return {
    networks: most('networks'),
    groups: most('groups'),
    asns: most('asns'),
    countries: most('countries'),
    devices: most('devices'),
  }
}
