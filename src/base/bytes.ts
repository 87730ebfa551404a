import { createHash, hash, timingSafeEqual } from 'node:crypto'

const BASE64URL = /^[A-Za-z0-9_-]*$/

/**
 * Decodes base64url strictly (RFC 4648 section 5): no padding, no foreign characters, no length that
 * cannot occur, and unused trailing bits are zero. Anything else is `undefined`.
 */
export function decodeBase64Url(text: string): Buffer | undefined {
  if (text.length % 4 === 1 || !BASE64URL.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

/** Decodes lower-case hex strictly; anything else is undefined. */
export function decodeHex(text: string): Buffer | undefined {
  return text.length % 2 === 0 && /^[0-9a-f]*$/.test(text) ? Buffer.from(text, 'hex') : undefined
}

/**
 * Decodes standard base64, or base64url, strictly: padding may be there or not, unused trailing bits are
 * zero (RFC 4648 section 3.5).
 */
export function decodeBase64(text: string, alphabet: 'base64' | 'base64url'): Buffer | undefined {
  const bare = text.replace(/={1,2}$/, '')
  if (text !== bare && text.length % 4 !== 0) return undefined
  if (alphabet === 'base64url') return decodeBase64Url(bare)
  if (bare.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(bare)) return undefined
  const bytes = Buffer.from(bare, 'base64')
  return bytes.toString('base64').replace(/=+$/, '') === bare ? bytes : undefined
}

/** Compares in a time that depends on the length alone. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** SHA-256 of a text as base64url, for cache and counting keys: 43 characters. */
export function digestText(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** How records name a link that carries no id: the first 12 hex digits of its SHA-256. */
export function shortDigest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 12)
}

/** SHA-256 of a secret, for a constant-time comparison with a stored hash. */
export function sha256(text: string | Uint8Array): Buffer {
  return createHash('sha256').update(text).digest()
}
