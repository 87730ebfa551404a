import type { EpochSeconds } from '../base/clock.ts'
import type { NetworkSighting, SeenNetwork, Sightings } from '../base/sightings.ts'
import type { Flat, SeenReply } from './ask.ts'

/** As many as the server keeps one by one: from then on it estimates. */
const MAX_EXACT = 64

/** What was seen of one key, and the version that a claim has to find unchanged. */
export interface Seen {
  readonly version: number
  readonly sightings: Sightings
}

interface SeenValue {
  readonly seen: EpochSeconds
}

interface NetworkValue extends SeenValue, Omit<NetworkSighting, 'network'> {
  readonly first: EpochSeconds
}

interface FlowValue {
  readonly country: string | undefined
  readonly isRelay: boolean
  readonly expires: number
}

/** An answer of the server as sightings after a moment. */
export function readSeen(reply: SeenReply, after: EpochSeconds): Seen {
  const networks = recent<NetworkValue>(reply.networks, after).map(
    ([network, { country, asn, isRelay, device, first, seen }]): SeenNetwork => ({
      network,
      country,
      asn,
      isRelay,
      device,
      firstSeen: first,
      lastSeen: seen,
    }),
  )
  const devices = recent<SeenValue>(reply.devices, after).map(([device]) => device)
  const isFull = networks.length >= MAX_EXACT || devices.length >= MAX_EXACT
  const flows = pairs<FlowValue>(reply.flows)
    .filter(([, { expires }]) => expires > reply.now)
    .map(([field, { country, isRelay }]) => ({
      network: field.slice(field.indexOf('|') + 1),
      country,
      isRelay,
    }))
  const { estimates } = reply
  return {
    version: reply.version,
    sightings: { networks, devices, estimates: isFull ? estimates : undefined, flows },
  }
}

/** Whether a use adds nothing to what was seen: neither a network nor a device nor what they are. */
export function isKnown({ networks, devices }: Sightings, sighting: NetworkSighting): boolean {
  if (!devices.includes(sighting.device)) return false
  return networks.some(
    ({ network, country, asn, isRelay }) =>
      network === sighting.network &&
      country === sighting.country &&
      asn === sighting.asn &&
      isRelay === sighting.isRelay,
  )
}

function recent<T extends SeenValue>(flat: Flat, after: EpochSeconds): [string, T][] {
  return pairs<T>(flat)
    .filter(([, { seen }]) => seen > after)
    .toSorted(([a, one], [b, other]) => one.seen - other.seen || (a < b ? -1 : 1))
}

function pairs<T>(flat: Flat): [string, T][] {
  if (!Array.isArray(flat)) return []
  const list = flat as readonly string[]
  return Array.from({ length: list.length / 2 }, (_, i) => [
    list[2 * i] ?? '',
    JSON.parse(list[2 * i + 1] ?? '{}') as T,
  ])
}
