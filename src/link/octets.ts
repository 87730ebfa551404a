import { isUtf8 } from 'node:buffer'
import { bytesOf } from './digest.ts'

/**
 * The bytes that a part of a URL stands for, as latin1: signatures are over bytes, whether they are
 * UTF-8 or not. Undefined when a percent sequence is broken or a byte should have been encoded.
 */
export function decodeOctets(raw: string): string | undefined {
  if (!/^[\x21-\x7e]*$/.test(raw) || /%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined
  return raw.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** The same of a name or value of a query, where `+` is a space. */
export function decodeQueryOctets(raw: string): string | undefined {
  return decodeOctets(raw.replaceAll('+', '%20'))
}

/** Encodes every byte but the unreserved ones of RFC 3986 section 2.3, and those of `kept`. */
export function encodeOctets(octets: string, kept = ''): string {
  return octets.replace(/[^A-Za-z0-9_.~-]/g, (octet) =>
    kept.includes(octet)
      ? octet
      : `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

/** The text that bytes spell; undefined when they are not UTF-8. */
export function textOfOctets(octets: string): string | undefined {
  const bytes = bytesOf(octets)
  return isUtf8(bytes) ? bytes.toString() : undefined
}
