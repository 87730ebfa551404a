import { IPv4CidrRange, IPv6CidrRange } from 'ip-num'
import { addressFromBigInt, type Network, parseNetwork } from './address.ts'

/**
 * A CIDR or address as an operator writes it in a config or policy file. ip-num does the arithmetic:
 * at 7 to 23 µs a parse it has no place in a request, but here its word on what a CIDR is settles it.
 */
export function parseConfiguredNetwork(text: string): Network | undefined {
  const strict = parseNetwork(text)
  if (!strict || (strict.first.family === 4 && text.includes(':'))) return strict
  const { family } = strict.first
  const cidr = text.includes('/') ? text : `${text}/${family === 4 ? 32 : 128}`
  const range = family === 4 ? IPv4CidrRange.fromCidr(cidr) : IPv6CidrRange.fromCidr(cidr)
  const first = addressFromBigInt(range.getFirst().getValue(), family)
  return { first, prefix: strict.prefix }
}
