import type { RequestContext } from '../../request/request-context.ts'
import type { SharingHeuristics } from '../policy.ts'
import { kilometresBetween } from './centroids.ts'
import { span } from './evidence.ts'
import type { Picture } from './picture.ts'
import type { NetworkSighting } from '../../base/sightings.ts'

/** The middle of a country stands for all of it: so many kilometres of a journey may be no journey. */
const CENTROID_SLACK_KM = 500

/** A sign of sharing, with what was seen; undefined where there is none. */
type Signal = (
  picture: Picture,
  heuristics: SharingHeuristics,
  context: RequestContext,
) => string | undefined

const SIGNALS: readonly Signal[] = [
  impossibleTravel,
  overlappingCountries,
  manyNetworks,
  manyAsns,
  manyDevices,
  proxyHeaders,
]

/**
 * The signs of sharing that a client shows, for a record, where there are as many as the policy asks
 * for. Who comes from a network that downloaded before is not asked; who comes from a new one of the same
 * AS is, or a link could be passed around a whole country that has one carrier.
 */
export function enoughSignals(
  heuristics: SharingHeuristics,
  picture: Picture,
  context: RequestContext,
): string | undefined {
  const { minSignals } = heuristics
  if (minSignals === undefined || !picture.adds.networks) return undefined
  const signals = SIGNALS.flatMap((signal) => signal(picture, heuristics, context) ?? [])
  return signals.length < minSignals
    ? undefined
    : `${signals.length} signals: ${signals.join(', ')}`
}

/** No journey is as fast as the way between this country and one that was seen before. */
function impossibleTravel(
  { client, before, now }: Picture,
  { speed }: SharingHeuristics,
): string | undefined {
  const to = countryOf(client)
  if (to === undefined) return undefined
  for (const seen of before) {
    const from = countryOf(seen)
    if (from === undefined || from === to) continue
    const kilometres = kilometresBetween(from, to) ?? 0
    const seconds = Math.max(0, now - seen.lastSeen)
    const beyond = Math.max(0, kilometres - CENTROID_SLACK_KM)
    if (beyond * 3600 <= speed * seconds) continue
    const distance = Math.round(kilometres).toLocaleString('en-US')
    return `impossible_travel (${from} to ${to}, ${distance} km in ${roundSpan(seconds)})`
  }
  return undefined
}

/** Bytes flow to another country at this moment. */
function overlappingCountries({ client, flows }: Picture): string | undefined {
  const here = countryOf(client)
  if (here === undefined) return undefined
  const elsewhere = new Set(flows.flatMap((flow) => countryOf(flow) ?? []))
  elsewhere.delete(here)
  if (elsewhere.size === 0) return undefined
  return `overlapping_countries (${[...elsewhere].slice(0, 8).join(', ')} and ${here})`
}

/** Networks, counted one by one. */
function manyNetworks(picture: Picture, { networks }: SharingHeuristics): string | undefined {
  return many('networks', networks, picture)
}

function manyAsns(picture: Picture, { asns }: SharingHeuristics): string | undefined {
  return many('asns', asns, picture)
}

function manyDevices(picture: Picture, { devices }: SharingHeuristics): string | undefined {
  return many('devices', devices, picture)
}

/** The client says that it asks for somebody else: weak, anyone can write it. */
function proxyHeaders(
  _picture: Picture,
  _heuristics: SharingHeuristics,
  { isBehindProxy }: RequestContext,
): string | undefined {
  return isBehindProxy?.() ? 'proxy_headers' : undefined
}

function many(
  of: 'networks' | 'asns' | 'devices',
  from: number,
  { totals, windowSeconds }: Picture,
): string | undefined {
  if (totals[of] < from) return undefined
  return `many_${of} (${totals[of]} in ${span(windowSeconds)})`
}

/** The country that stands for where somebody is: that of a relay does not. */
function countryOf({
  country,
  isRelay,
}: Pick<NetworkSighting, 'country' | 'isRelay'>): string | undefined {
  return isRelay ? undefined : country
}

function roundSpan(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}
