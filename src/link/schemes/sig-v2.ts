import { sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { z } from 'zod'
import { decodeBase64, equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { readHeaders } from '../../request/request-headers.ts'
import type { ConstraintName } from '../constraints.ts'
import { bytesOf, hmac } from '../digest.ts'
import { identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parseExpiry } from '../link-fields.ts'
import { readResponseParameters } from '../response-parameters.ts'
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
import { otherThanObject } from '../sub-resources.ts'
import { headAsGet, signedMethods } from './head-as-get.ts'
import {
  type Addressing,
  readV2Link,
  stringToSignV2,
  type V2Dialect,
  type V2Link,
} from './v2-link.ts'

export interface V2Options extends Addressing {
  readonly headAsGet: boolean
}

/** The options of both vendors, which differ in the domain of their own service. */
export const v2Options = z.strictObject({
  addressing: z
    .enum(['path', 'virtual-host'])
    .optional()
    .describe(
      "Where the bucket stands: first in the path, or in the host. Default: in hosts below the endpoint's domain, else in the path.",
    ),
  endpointDomain: z
    .string()
    .regex(/^[a-z0-9.-]+$/)
    .optional()
    .describe(
      "Buckets are the names below it; with virtual-host, another host names its bucket. Default: the vendor's.",
    ),
  headAsGet,
})

const NOTHING: ReadonlySet<ConstraintName> = new Set()
const NO_HEADERS = readHeaders([])

/**
 * Signature version 2 in the query: HMAC-SHA1 or RSA over method, two headers, the expiry, headers of the
 * vendor and the path with its bucket. Parameters that it does not cover are free, and never read.
 */
export class SigV2 implements Scheme {
  readonly name: string
  readonly triggers: readonly Trigger[]
  readonly expresses = NOTHING
  readonly signsPrefixes = false
  readonly signsMethod = true
  readonly #dialect: V2Dialect
  readonly #options: V2Options

  constructor(dialect: V2Dialect, options: V2Options) {
    this.name = dialect.name
    this.triggers = [{ place: 'query', name: dialect.keyParameter }]
    this.#dialect = dialect
    this.#options = options
  }

  find(context: RequestContext): Found {
    const link = readV2Link(context.target.rawQuery, this.#dialect)
    if (!link) return ABSENT
    if (isRefusal(link)) return { outcome: 'refused', refusal: link }
    const text = this.#stringToSign(link, context)
    if (text === undefined) return malformed('a signed header stands in the query as well')
    return found('query', `${context.target.rawPath}?${context.target.rawQuery}\n${text}`)
  }

  verify(_carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const link = readV2Link(context.target.rawQuery, this.#dialect)
    if (!link) return malformed('the request has no link')
    if (isRefusal(link)) return { outcome: 'refused', refusal: link }
    const expires = parseExpiry(link.expires, context.now)
    if (typeof expires === 'object') return { outcome: 'refused', refusal: expires }
    const signature = decodeBase64(link.signature, 'base64')
    if (!signature) return malformed('the Signature is no base64')
    const key = keys.find(link.keyId, this.name, context.now)
    if (!key) return refused('link_key_unknown', 'no such key')
    if (!this.#fits(key)) return refused('link_key_unknown', 'the key is of another algorithm')
    const text = signedMethods(context.method, this.#options.headAsGet)
      .map((method) => this.#stringToSign(link, context, method))
      .find((signed) => signed !== undefined && isSignedBy(signed, signature, key))
    if (text === undefined) return refused('link_signature_wrong', 'the signature does not hold')
    const other = otherThanObject(context.method, link.signed.keys())
    if (other !== undefined) return refused('link_resource_mismatch', `the link is for ${other}`)
    const response = readResponseParameters(
      [...link.signed].map(([name, value]) => [name, value ?? ''] as const),
    )
    if (response && isRefusal(response)) return { outcome: 'refused', refusal: response }
    return {
      outcome: 'granted',
      grant: {
        scheme: this.name,
        key,
        // the text does not name the key
        ...identify(key, undefined, `${key.kid}\n${text}`),
        resource: { kind: 'exact', path: context.path },
        validUntil: expires,
        constraints: {},
        ...(response && { response }),
      },
    }
  }

  #stringToSign(
    link: V2Link,
    { target, site, headers, ...context }: RequestContext,
    method = context.method,
  ): string | undefined {
    const parts = { method, site, headers, rawPath: target.rawPath }
    return stringToSignV2(link, parts, this.#dialect, this.#options)
  }

  #fits({ verifyKey: { type, asymmetricKeyType } }: Key): boolean {
    return this.#dialect.signature === 'HMAC-SHA1' ? type === 'secret' : asymmetricKeyType === 'rsa'
  }

  sign({ path, expiresAt, site, method = 'GET' }: LinkRequest, key: Key): SignedLink | Refusal {
    if (!this.#fits(key)) return refuse('link_key_unknown', 'the key is of another algorithm')
    const expires = String(expiresAt)
    const text = stringToSignV2(
      { expires, signed: new Map(), headers: new Map() },
      { method, site, rawPath: path, headers: NO_HEADERS },
      this.#dialect,
      this.#options,
    )
    const signature = text === undefined ? undefined : signText(text, key)
    if (!signature) return refuse('link_key_unknown', 'the key has no private half')
    const value = encodeURIComponent(signature.toString('base64'))
    const keyId = `${this.#dialect.keyParameter}=${encodeURIComponent(key.kid)}`
    return { target: `${path}?${keyId}&Expires=${expires}&Signature=${value}` }
  }

  canonicalText(_carrier: Carrier, context: RequestContext): string | undefined {
    const link = readV2Link(context.target.rawQuery, this.#dialect)
    return !link || isRefusal(link) ? undefined : this.#stringToSign(link, context)
  }
}

function isSignedBy(text: string, signature: Buffer, key: Key): boolean {
  return key.verifyKey.type === 'secret'
    ? equalBytes(signature, hmac(key, 'sha1', text))
    : verifyBytes('sha256', bytesOf(text), key.verifyKey, signature)
}

function signText(text: string, key: Key): Buffer | undefined {
  if (key.verifyKey.type === 'secret') return hmac(key, 'sha1', text)
  return key.signKey && signBytes('sha256', bytesOf(text), key.signKey)
}
