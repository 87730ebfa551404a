const DOT = 0x2e
const SLASH = 0x2f
const ZERO = 0x30

/**
 * Reads an IPv4 address or CIDR that fills `bytes[start..end)` without making a string of it, as strictly
 * as `parseNetwork`. Answers `address * 64 + prefix`, or -1 for anything else.
 */
export function readIPv4Network(bytes: Uint8Array, start: number, end: number): number {
  let address = 0
  let dots = 0
  let octet = -1
  for (let i = start; i < end; i++) {
    const c = bytes[i] ?? 0
    const digit = c - ZERO
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return -1
      octet = octet < 0 ? digit : octet * 10 + digit
      if (octet > 255) return -1
    } else if (octet < 0) {
      return -1
    } else if (c === DOT && dots < 3) {
      address = address * 256 + octet
      octet = -1
      dots++
    } else if (c === SLASH && dots === 3) {
      const prefix = readPrefix(bytes, i + 1, end)
      return prefix < 0 ? -1 : (address * 256 + octet) * 64 + prefix
    } else {
      return -1
    }
  }
  return dots === 3 && octet >= 0 ? (address * 256 + octet) * 64 + 32 : -1
}

/** 0 to 32 without a leading zero, or -1. */
function readPrefix(bytes: Uint8Array, start: number, end: number): number {
  const first = (bytes[start] ?? 0) - ZERO
  if (start >= end || first < 0 || first > 9) return -1
  if (end - start === 1) return first
  const second = (bytes[start + 1] ?? 0) - ZERO
  if (end - start > 2 || first === 0 || second < 0 || second > 9) return -1
  const prefix = first * 10 + second
  return prefix <= 32 ? prefix : -1
}
