import type { Address, Network } from '../../base/address.ts'
import type { Constraints } from '../constraints.ts'

/** The network that holds one address only. */
export function networkOf(address: Address): Network {
  return { first: address, prefix: widthOf(address) }
}

/** The address that a link is pinned to, in canonical text; undefined for none, a network or several. */
export function oneAddress({ ip = [] }: Constraints): string | undefined {
  const [network, another] = ip
  if (!network || another || network.prefix !== widthOf(network.first)) return undefined
  return network.first.text
}

function widthOf({ family }: Address): number {
  return family === 4 ? 32 : 128
}
