import { createHmac, hash } from 'node:crypto'
import type { Key } from './key-ring.ts'

export type DigestName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** The bytes of a text of a request: latin1 gives back the very bytes of the request line. */
export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** HMAC by the key's secret. Text counts as the bytes of the request line. */
export function hmac(key: Key, digest: DigestName, data: string | Buffer): Buffer {
  return createHmac(digest, secretOf(key))
    .update(typeof data === 'string' ? bytesOf(data) : data)
    .digest()
}

/** A plain digest over parts of which one is the secret, as old formats have it. */
export function digest(name: DigestName, ...parts: readonly (string | Buffer)[]): Buffer {
  const bytes = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? bytesOf(part) : part)),
  )
  return hash(name, bytes, 'buffer')
}

/** The secret's own bytes. */
export function secretBytes(key: Key): Buffer {
  return secretOf(key).export()
}

function secretOf({ kid, verifyKey }: Key): Key['verifyKey'] {
  // configuration checks this first: a public key must never become an HMAC secret
  if (verifyKey.type !== 'secret') throw new Error(`the key ${kid} is no secret`)
  return verifyKey
}
