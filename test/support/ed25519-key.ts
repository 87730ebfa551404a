import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { Key } from '../../src/link/key-ring.ts'
import { secretKey } from './request-parts.ts'

/** PKCS #8 of an Ed25519 key, before its seed of 32 bytes (RFC 8410 section 7). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The Ed25519 key whose seed is this byte, 32 times. */
export function ed25519Key(kid: string, fill: number, more: Partial<Key> = {}): Key {
  const der = Buffer.concat([PKCS8, Buffer.alloc(32, fill)])
  const signKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return secretKey(kid, 0, { alg: 'EdDSA', signKey, verifyKey: createPublicKey(signKey), ...more })
}
