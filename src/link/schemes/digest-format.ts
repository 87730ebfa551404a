import { z } from 'zod'
import type { RequestContext, Site } from '../../request/request-context.ts'
import type { DigestName } from '../digest.ts'
import type { Resource } from '../grant.ts'
import type { DigestParts, DigestPlace } from './digest-place.ts'
import type { DigestTime } from './digest-time.ts'

/** What a digest may be made over. */
export interface DigestValues extends DigestParts {
  /** The key's bytes as latin1, for formats that hash it with the rest; HMAC has it beside the text. */
  readonly secret: string
  /** Empty for formats without one. */
  readonly salt: string
  /** The client's address as text, for formats that bind it. */
  readonly client: string
  /** Scheme and host, as `https://cdn.example`. */
  readonly site: string
}

/** The text that is hashed. */
export type DigestInput = (values: DigestValues) => string

/** A link format of the family: a path, a time and a secret under one digest. */
export interface KeyedDigestFormat {
  readonly name: string
  /** The first is where new links carry it. */
  readonly places: readonly [DigestPlace, ...DigestPlace[]]
  readonly digest: DigestName
  readonly isHmac: boolean
  readonly encoding: 'hex' | 'base64url' | 'base64url-padded'
  /** Bytes of the digest that a link carries. */
  readonly bytes: number
  /** Absent where links never expire. */
  readonly time?: DigestTime
  /** Whether links without a time are taken. */
  readonly allowUnlimited: boolean
  /** Texts that signers hash: any may hold, the first is signed. */
  readonly inputs: readonly [DigestInput, ...DigestInput[]]
  readonly bindsAddress?: boolean
  readonly bindsSite?: boolean
  /** The `kid` of the one key that signs, and of the key that holds its salt. */
  readonly pair?: DigestKeyPair
  /** Whether links can say when they begin. */
  readonly hasBegin?: boolean
  /** Why a raw path cannot have a link of this format. */
  readonly outside?: (path: string, site: Site) => string | undefined
  /** What a link opens, if not the one path. */
  readonly resource?: (parts: DigestParts, context: RequestContext) => Resource
}

export interface DigestKeyPair {
  readonly keyId: string
  readonly saltId: string
}

/** The option of formats whose links may lack an expiry. */
export const unlimitedOption = z
  .boolean()
  .default(false)
  .describe('Takes links without an expiry. They open their object for as long as the key lives.')

/** The name of a parameter of a link. */
export const parameterName = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{1,64}$/, { error: 'a name of letters, digits, . _ ~ and -' })

export function ttlOption(standard: number) {
  return z
    .int()
    .min(1)
    .max(10 * 365 * 86_400)
    .default(standard)
    .describe('Seconds for which a link is good after the time that it carries, as set at the CDN.')
}
