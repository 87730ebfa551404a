import { type Address, parseAddress, parseNetwork } from './address.ts'
import { NetworkSet } from './network-set.ts'

/**
 * What is not on the public internet (IANA special-purpose registries, RFC 6890): private, loopback,
 * link-local, shared, documentation, multicast, reserved; in IPv6 all outside 2000::/3, and in it the
 * blocks that carry another address (6to4, Teredo) or document.
 */
const SPECIAL = new NetworkSet(
  [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/3',
    '::/3',
    '2001::/23',
    '2001:db8::/32',
    '2002::/16',
    '3fff::/20',
    '4000::/2',
    '8000::/1',
  ].flatMap((text) => parseNetwork(text) ?? []),
)

/** Whether an address is none of the public internet. */
export function isSpecialAddress(address: Address): boolean {
  return SPECIAL.has(address)
}

/** Whether an address belongs to the public internet. A text that is no address does not. */
export function isPublicAddress(text: string): boolean {
  const address = parseAddress(text)
  return address !== undefined && !isSpecialAddress(address)
}
