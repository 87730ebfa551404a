import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { decodeBase64, decodeHex } from '../base/bytes.ts'
import { ALGORITHMS, type KeyAlgorithm } from './key-schema.ts'

/** How the text of a secret stands for its bytes. */
export const SECRET_ENCODINGS = ['utf8', 'hex', 'base64', 'base64url'] as const

export type SecretEncoding = (typeof SECRET_ENCODINGS)[number]

/** The members of a JWK with a secret as vendors show it; undefined when it is not in that encoding, or empty. */
export function membersOfSecret(text: string, encoding: SecretEncoding): JsonWebKey | undefined {
  const bytes = decode(text, encoding)
  return bytes?.length ? { kty: 'oct', k: bytes.toString('base64url') } : undefined
}

function decode(text: string, encoding: SecretEncoding): Buffer | undefined {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text)
    case 'hex':
      return decodeHex(text.toLowerCase())
    case 'base64':
    case 'base64url':
      return decodeBase64(text, encoding)
    default:
      return encoding satisfies never
  }
}

/**
 * The members of a JWK with the key of a PEM file: a private key, a public one, or that of a certificate.
 * Undefined when there is none that can be read without a passphrase.
 */
export function membersOfPem(pem: string): JsonWebKey | undefined {
  try {
    return readPem(pem).export({ format: 'jwk' })
  } catch {
    // the library's message may quote the file
    return undefined
  }
}

function readPem(pem: string): KeyObject {
  return pem.includes('PRIVATE KEY-----') ? createPrivateKey(pem) : createPublicKey(pem)
}

/** Whether a key with these members may have an algorithm. */
export function fitsAlgorithm({ kty, crv }: JsonWebKey, alg: KeyAlgorithm): boolean {
  const algorithm = ALGORITHMS[alg]
  return algorithm.kty === kty && (!('curve' in algorithm) || algorithm.curve === crv)
}
