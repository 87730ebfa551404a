import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { formatNetwork } from '../../base/address.ts'
import { decodeBase64, sha256 } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { canonicalisePath, encodePath } from '../../request/canonical-path.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import { bytesOf, secretBytes } from '../digest.ts'
import { identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { countryLists } from './country-rules.ts'
import { readFields } from './edgecast-fields.ts'
import { matchingKey } from './matching-key.ts'

const NAME = 'edgecast-ectoken'
const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const MAX_TOKEN = 8192
/** One byte of plaintext at least. Nothing shorter is taken for a token. */
const TOKEN = /^[A-Za-z0-9_-]{39,}={0,2}$/
const BEGINS_WITH_TOKEN = /^[A-Za-z0-9_-]{39,}={0,2}(?:&|$)/

const options = z.strictObject({
  version: z.literal(3).default(3).describe('Version of the token; older ones are not accepted.'),
  allowUnlimited: z
    .boolean()
    .default(false)
    .describe('Whether tokens without ec_expire, which never expire, are accepted.'),
})

/**
 * Tokens of Edgecast (Verizon Digital Media, Edgio), version 3: the first parameter is the token itself,
 * encrypted with AES-256-GCM. It is bound to paths only where it says so (`ec_url_allow`).
 */
export class EdgecastToken implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [{ place: 'shape' }]
  readonly expresses = new Set(['ip', 'accessRules'] as const)
  readonly signsPrefixes = true
  readonly #allowUnlimited: boolean

  constructor({ allowUnlimited }: { readonly allowUnlimited: boolean }) {
    this.#allowUnlimited = allowUnlimited
  }

  find({ target: { rawQuery } }: RequestContext): Found {
    if (rawQuery === undefined || !BEGINS_WITH_TOKEN.test(rawQuery)) return ABSENT
    const [token = '', ...others] = rawQuery.split('&')
    if (others.some((other) => TOKEN.test(other))) {
      return refused('link_ambiguous', 'the request carries several tokens')
    }
    return found('query', token)
  }

  verify({ text }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    if (text.length > MAX_TOKEN) return malformed(`the token is longer than ${MAX_TOKEN} bytes`)
    const bytes = decodeBase64(text, 'base64url')
    if (!bytes) return malformed('the token is no base64url')
    const key = matchingKey(keys, NAME, now, (one) => decrypt(bytes, one) !== undefined)
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    const said = readFields(decrypt(bytes, key) ?? '', now)
    if (isRefusal(said)) return { outcome: 'refused', refusal: said }
    if (said.validUntil === Infinity && !this.#allowUnlimited) {
      return refused('link_lifetime_exceeded', 'the token never expires')
    }
    const grant = {
      scheme: NAME,
      key,
      ...identify(key, undefined, bytes.toString('base64url')),
      ...said,
    }
    return { outcome: 'granted', grant }
  }

  sign({ path, expiresAt, constraints }: LinkRequest, key: Key): SignedLink | Refusal {
    const isPrefix = path.endsWith('/*')
    const target = isPrefix ? path.slice(0, -1) : path
    const sample = canonicalisePath(isPrefix ? `${target}x` : target)
    if (!sample.ok) return refuse('link_constraint_unsupported', `path: ${sample.why}`)
    const url = encodePath(isPrefix ? sample.path.slice(0, -1) : sample.path)
    if (/[&,]/.test(url)) return refuse('link_constraint_unsupported', 'path: holds a , or &')
    const { ip, accessRules } = constraints
    const [network, ...others] = ip ?? []
    if (others.length > 0) {
      return refuse('link_constraint_unsupported', 'ip: a token names one address or network')
    }
    const lists = accessRules ? countryLists(accessRules) : {}
    if (!lists) {
      const detail =
        'accessRules: only countries to block, then countries to allow and a block of any'
      return refuse('link_constraint_unsupported', detail)
    }
    const plaintext = [
      `ec_expire=${expiresAt}`,
      network && `ec_clientip=${formatNetwork(network)}`,
      lists.allowed && `ec_country_allow=${lists.allowed.join(',')}`,
      lists.blocked && `ec_country_deny=${lists.blocked.join(',')}`,
      `ec_url_allow=${url}`,
    ]
    return { target: `${target}?${encrypt(plaintext.filter(Boolean).join('&'), key)}` }
  }

  /** Only who holds the key can read what a token says: the token itself is what is authentic. */
  canonicalText({ text }: Carrier): string {
    return text
  }
}

/** What a token says, as octets; undefined when it was not made with this key. */
function decrypt(token: Buffer, key: Key): string | undefined {
  const end = token.length - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, cipherKey(key), token.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAuthTag(token.subarray(end))
  try {
    return (
      decipher.update(token.subarray(IV_BYTES, end), undefined, 'latin1') + decipher.final('latin1')
    )
  } catch {
    return undefined
  }
}

function encrypt(plaintext: string, key: Key): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, cipherKey(key), iv, { authTagLength: TAG_BYTES })
  const parts = [iv, cipher.update(bytesOf(plaintext)), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(parts).toString('base64url')
}

/** The key that people hold is a text of any length. */
function cipherKey(key: Key): Buffer {
  return sha256(secretBytes(key))
}

export const edgecastEctoken = defineScheme({
  name: NAME,
  algorithms: ['A256GCM', 'dir'],
  options,
  marks: () => ['query bare token'],
  create: (given) => new EdgecastToken(given),
})
