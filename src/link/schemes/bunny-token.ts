import type { Address } from '../../base/address.ts'
import { decodeBase64 } from '../../base/bytes.ts'
import { bytesOf, digest, hmac, secretBytes } from '../digest.ts'
import type { Key } from '../key-ring.ts'

/** The three ways in which Bunny has signed, newest first. */
export const FORMS = ['hs256', 'sha256', 'md5'] as const

export type BunnyForm = (typeof FORMS)[number]

/** A token: how it was made, and its digest. */
export interface BunnyToken {
  readonly form: BunnyForm
  /** Of the newest form: made for one address, which is hashed. */
  readonly isLocked: boolean
  readonly mac: Buffer
}

/** What a token is made over. */
export interface BunnyMessage {
  readonly path: string
  readonly expires: string
  readonly address: Address | undefined
  readonly parameters: string
}

const NEWEST = 'HS256-'
const LOCK = '1-'
const LOCKED_LENGTH = NEWEST.length + LOCK.length + 43

/** Whether a text has the shape of a token, whatever it is worth. */
export function isTokenShaped(text: string): boolean {
  return text.startsWith(NEWEST) || /^(?:[\w-]{22}(?:==)?|[\w-]{43}=?)$/.test(text)
}

/** Whether a token names an address by hashing it. */
export function isLockedToken(text: string): boolean {
  return text.startsWith(NEWEST + LOCK) && text.replace(/=$/, '').length === LOCKED_LENGTH
}

/** Reads a token by its prefix and length; undefined when it is none. */
export function readToken(text: string): BunnyToken | undefined {
  if (text.startsWith(NEWEST)) {
    const isLocked = isLockedToken(text)
    const mac = readMac(text.slice(NEWEST.length + (isLocked ? LOCK.length : 0)))
    return mac?.length === 32 ? { form: 'hs256', isLocked, mac } : undefined
  }
  const mac = readMac(text)
  if (mac?.length === 32) return { form: 'sha256', isLocked: false, mac }
  return mac?.length === 16 ? { form: 'md5', isLocked: false, mac } : undefined
}

/** Bunny takes the padding off; signers that forget it mean the same digest. */
function readMac(text: string): Buffer | undefined {
  return decodeBase64(text, 'base64url')
}

/** The digest of a message, as the form has it. */
export function macOf(form: BunnyForm, key: Key, message: BunnyMessage): Buffer {
  const bytes = messageBytes(form, message)
  return form === 'hs256' ? hmac(key, 'sha256', bytes) : digest(form, secretBytes(key), bytes)
}

/** The token of a digest. */
export function writeToken(form: BunnyForm, mac: Buffer, isLocked: boolean): string {
  const text = mac.toString('base64url')
  return form === 'hs256' ? `${NEWEST}${isLocked ? LOCK : ''}${text}` : text
}

/** What is hashed, beside the key. */
export function messageBytes(
  form: BunnyForm,
  { path, expires, address, parameters }: BunnyMessage,
): Buffer {
  const client = form === 'hs256' ? addressBytes(address) : Buffer.from(address?.text ?? '')
  const rest = form === 'md5' ? '' : parameters
  return Buffer.concat([bytesOf(path), bytesOf(expires), client, Buffer.from(rest)])
}

function addressBytes(address: Address | undefined): Buffer {
  if (!address) return Buffer.alloc(0)
  const words = address.family === 4 ? [address.d] : [address.a, address.b, address.c, address.d]
  const bytes = Buffer.alloc(words.length * 4)
  for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, i * 4)
  return bytes
}
