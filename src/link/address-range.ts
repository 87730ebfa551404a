import { addressFromInteger, type Network, parseIPv4 } from '../base/address.ts'

/** An IPv4 address, or an inclusive range `a-b`, as networks. */
export function parseIPv4Range(text: string): Network[] | undefined {
  const [first = '', last = first, ...more] = text.split('-')
  const from = parseIPv4(first)
  const to = parseIPv4(last)
  if (from < 0 || to < from || more.length > 0) return undefined
  return networksBetween(from, to)
}

/** The fewest networks that hold the addresses of an inclusive range, at most 62. */
function networksBetween(from: number, to: number): Network[] {
  const networks: Network[] = []
  for (let at = from; at <= to;) {
    let size = 1
    while (size < 2 ** 32 && at % (size * 2) === 0 && at + size * 2 - 1 <= to) size *= 2
    networks.push({ first: addressFromInteger(at), prefix: 32 - Math.log2(size) })
    at += size
  }
  return networks
}

/** An IPv4 network as an address or an inclusive range. */
export function formatIPv4Range({ first, prefix }: Network): string {
  if (prefix === 32) return first.text
  return `${first.text}-${addressFromInteger(first.d + 2 ** (32 - prefix) - 1).text}`
}
