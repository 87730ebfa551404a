import { z } from 'zod'
import { decodeBase64, equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import { hmac } from '../digest.ts'
import { identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import { parameterIndex } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  malformed,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { matchingKey } from './matching-key.ts'

const NAME = 'cloudflare-hmac'
/** The issue time has ten digits, as the rules language has it. */
const STAMP = /^(\d{10})-/
const FIRST_STAMP = 1_000_000_000

export interface CloudflareHmacOptions {
  readonly param?: string | undefined
  readonly ttl?: number | undefined
  readonly flags?: '' | 's' | undefined
}

/**
 * What `is_timed_hmac_valid_v0` of Cloudflare's rules language accepts:
 * `PATH?…&verify=T-MAC` with MAC = base64(HMAC-SHA256(key, path and query before the separator, then T)).
 */
export class CloudflareHmac implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<never> = new Set()
  readonly signsPrefixes = false
  readonly #param: string
  readonly #ttl: number
  readonly #alphabet: 'base64' | 'base64url'

  constructor({ param = 'verify', ttl = 10_800, flags = '' }: CloudflareHmacOptions = {}) {
    this.#param = param
    this.#ttl = ttl
    this.#alphabet = flags === 's' ? 'base64url' : 'base64'
    this.triggers = [{ place: 'query', name: param }]
  }

  find({ target: { rawPath, rawQuery = '' } }: RequestContext): Found {
    const at = parameterIndex(rawQuery, this.#param)
    if (at < 0) return ABSENT
    const value = rawQuery.slice(at + this.#param.length + 1)
    const carrier: Carrier = { place: 'query', text: `${rawPath}?${rawQuery}` }
    if (!STAMP.test(value)) return { outcome: 'found', carrier, isWeak: true }
    if (value.includes('&')) return malformed(`the parameter ${this.#param} is not the last one`)
    return { outcome: 'found', carrier }
  }

  verify({ text }: Carrier, keys: KeyRing, { now, path }: RequestContext): Verified {
    const { message, value } = this.#cut(text)
    const stamp = STAMP.exec(value)?.[1]
    if (stamp === undefined || Number(stamp) < FIRST_STAMP) {
      return malformed('the issue time has no ten digits')
    }
    const mac = this.#decodeMac(value.slice(stamp.length + 1))
    if (mac?.length !== 32) return malformed(`the MAC is no ${this.#alphabet} of 32 bytes`)
    const signed = message + stamp
    const key = matchingKey(keys, NAME, now, (secret) =>
      equalBytes(hmac(secret, 'sha256', signed), mac),
    )
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    const issuedAt = Number(stamp)
    const grant = {
      scheme: NAME,
      key,
      ...identify(key, undefined, signed),
      resource: { kind: 'exact', path },
      validUntil: issuedAt + this.#ttl,
      // a link that was issued in the future would live longer than the ttl
      constraints: { nbf: issuedAt },
    } as const
    return { outcome: 'granted', grant }
  }

  /** Up to the separator with the parameter's name, and its value. */
  #cut(text: string): { readonly message: string; readonly value: string } {
    const question = text.indexOf('?')
    const at = question + 1 + parameterIndex(text.slice(question + 1), this.#param)
    return { message: text.slice(0, at - 1), value: text.slice(at + this.#param.length + 1) }
  }

  #decodeMac(raw: string): Buffer | undefined {
    if (this.#alphabet === 'base64url') return decodeBase64(raw, 'base64url')
    try {
      return decodeBase64(decodeURIComponent(raw), 'base64')
    } catch {
      return undefined
    }
  }

  sign({ path, expiresAt }: LinkRequest, key: Key): SignedLink | Refusal {
    const stamp = String(expiresAt - this.#ttl)
    if (!/^[1-9]\d{9}$/.test(stamp)) {
      return refuse('link_constraint_unsupported', 'expires_at: the issue time has ten digits')
    }
    const mac = hmac(key, 'sha256', path + stamp).toString(this.#alphabet)
    const value = this.#alphabet === 'base64url' ? mac : encodeURIComponent(mac)
    return { target: `${path}?${this.#param}=${stamp}-${value}` }
  }

  canonicalText({ text }: Carrier): string {
    const { message, value } = this.#cut(text)
    return message + (STAMP.exec(value)?.[1] ?? '')
  }
}

export const cloudflareHmac = defineScheme({
  name: NAME,
  algorithms: ['HS256'],
  options: z.strictObject({
    param: z
      .string()
      .regex(/^[\w.~-]+$/, { error: 'a name of letters, digits, . _ ~ and -' })
      .default('verify')
      .describe('The parameter of issue time and MAC. It is the last one.'),
    ttl: z
      .int()
      .min(1)
      .default(10_800)
      .describe('Seconds for which a link is good after its issue time.'),
    flags: z
      .enum(['', 's'])
      .default('')
      .describe('s: the MAC is base64url without padding, as with the flag of the same name.'),
  }),
  marks: ({ param }) => [`query ${param} stamp-mac`],
  create: (options) => new CloudflareHmac(options),
})
