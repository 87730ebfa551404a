import { groupKey, type NetworkSighting } from '../../base/sightings.ts'
import { NO_DEVICE } from '../../request/device.ts'

/** Networks that count as one. */
export type ClientGroup = readonly NetworkSighting[]

/**
 * Puts networks together that one person wanders through: those of one AS (a mobile carrier hands out
 * addresses of many networks), those of relays, and the IPv4 and IPv6 networks of a line. Each IPv4
 * network goes with at most one IPv6 network, so that pairs hide no more than half of the networks.
 */
export function clientGroups(networks: readonly NetworkSighting[]): ClientGroup[] {
  const groups = new Map<string, NetworkSighting[]>()
  for (const network of networks) {
    const key = groupKey(network)
    const group = groups.get(key)
    if (group) group.push(network)
    else groups.set(key, [network])
  }
  const paired = new Set<NetworkSighting>()
  for (const six of networks.filter(isIPv6)) {
    const four = networks.find((network) => !paired.has(network) && areOneLine(network, six))
    if (!four) continue
    paired.add(four)
    merge(groups, groupKey(four), groupKey(six))
  }
  return [...new Set(groups.values())]
}

function isIPv6({ network }: NetworkSighting): boolean {
  return network.includes(':')
}

/** Two AS numbers that are known and differ are two lines; equal ones are one group already. */
function areOneLine(four: NetworkSighting, six: NetworkSighting): boolean {
  return (
    !isIPv6(four) &&
    !four.isRelay &&
    !six.isRelay &&
    (four.asn === undefined || six.asn === undefined) &&
    four.country !== undefined &&
    four.country === six.country &&
    four.device === six.device &&
    four.device !== NO_DEVICE
  )
}

function merge(groups: Map<string, NetworkSighting[]>, into: string, from: string): void {
  const target = groups.get(into)
  const source = groups.get(from)
  if (!target || !source || target === source) return
  target.push(...source)
  for (const [key, group] of groups) if (group === source) groups.set(key, target)
}
