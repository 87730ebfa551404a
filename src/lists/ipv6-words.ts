import { parseIPv6 } from '../base/address.ts'

/** An IPv6 block as numbers; host bits may be set. */
export interface IPv6Words {
  readonly words: readonly [number, number, number, number]
  readonly prefix: number
}

/**
 * Reads an IPv6 address or CIDR without the canonical text that `parseNetwork` makes of each, which is
 * most of its time. Undefined for IPv4, mapped IPv4 and what is no network: those are for `parseNetwork`.
 */
export function readIPv6Network(text: string): IPv6Words | undefined {
  const slash = text.indexOf('/')
  const suffix = slash < 0 ? '128' : text.slice(slash + 1)
  const groups = parseIPv6(slash < 0 ? text : text.slice(0, slash))
  if (!groups || !/^(0|[1-9]\d{0,2})$/.test(suffix) || Number(suffix) > 128) return undefined
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const words = [a * 65536 + b, c * 65536 + d, e * 65536 + f, g * 65536 + h] as const
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff
  return isMapped ? undefined : { words, prefix: Number(suffix) }
}
