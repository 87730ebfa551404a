import { createDecipheriv } from 'node:crypto'
import { decodeBase64Url } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { parseStrictJson } from '../../base/strict-json.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isJsonObject } from './jws.ts'

/** Content encryption (RFC 7518 section 5.3) by the length of its key. */
const CIPHERS = {
  A128GCM: { cipher: 'aes-128-gcm', bytes: 16 },
  A256GCM: { cipher: 'aes-256-gcm', bytes: 32 },
} as const

type Encryption = keyof typeof CIPHERS

const MAX_KEYS = 16

/** The `alg` of keys that decrypt. */
export const ENCRYPTIONS = Object.keys(CIPHERS) as Encryption[]

/** Whether a key is for decryption: it never signs or verifies. */
export function isDecryptionKey({ alg, use }: Key): boolean {
  return use === 'enc' || alg === 'dir' || alg.endsWith('GCM')
}

/**
 * The plaintext of a JWE in compact form (RFC 7516) whose key is used directly (`dir`). Undefined when
 * it is none, or no key of the scheme opens it.
 */
export function decryptJwe(
  token: string,
  keys: KeyRing,
  scheme: string,
  now: EpochSeconds,
): string | undefined {
  const parts = token.split('.')
  const [header, wrapped, iv, ciphertext, tag] = parts.map(decodeBase64Url)
  if (parts.length !== 5 || !header || !iv || !ciphertext || !tag) return undefined
  if (wrapped?.length !== 0 || iv.length !== 12 || tag.length !== 16) return undefined
  const fields = parseStrictJson(header.toString())
  if (!isJsonObject(fields) || Object.hasOwn(fields, 'crit') || Object.hasOwn(fields, 'zip')) {
    return undefined
  }
  const { alg, enc, kid } = fields
  const encryption = ENCRYPTIONS.find((name) => name === enc)
  if (alg !== 'dir' || !encryption) return undefined
  for (const key of candidates(keys, scheme, now, kid, encryption)) {
    const decipher = createDecipheriv(CIPHERS[encryption].cipher, key.verifyKey, iv)
    decipher.setAAD(Buffer.from(parts[0] ?? '')).setAuthTag(tag)
    try {
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString()
    } catch {
      // another key may have made it
    }
  }
  return undefined
}

/** The key that the header names, or all that fit. */
function candidates(
  keys: KeyRing,
  scheme: string,
  now: EpochSeconds,
  kid: unknown,
  encryption: Encryption,
): Key[] {
  return [...keys]
    .filter(
      (key) =>
        (kid === undefined || key.kid === kid) &&
        keys.find(key.kid, scheme, now) === key &&
        isDecryptionKey(key) &&
        (key.alg === 'dir' || key.alg.endsWith(encryption)) &&
        key.verifyKey.symmetricKeySize === CIPHERS[encryption].bytes,
    )
    .slice(0, MAX_KEYS)
}
