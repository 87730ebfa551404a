import { z } from 'zod'
import { equalBytes } from '../../base/bytes.ts'
import type { Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import type { ConstraintName } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { hmac } from '../digest.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import type {
  Carrier,
  Found,
  LinkRequest,
  Scheme,
  SignedLink,
  Trigger,
  Verified,
} from '../scheme.ts'
import {
  findInCookie,
  findInQuery,
  onlyOf,
  type RequestSigning,
  signCookie,
  signedText,
  signUrl,
  verifyRequest,
} from './google-request.ts'

const NAME = 'gcdn'

const SIGNING: RequestSigning = {
  scheme: NAME,
  signatureBytes: 20,
  isFit: ({ verifyKey }) => verifyKey.type === 'secret',
  sign: (key, text) => hmac(key, 'sha1', text),
  isSignedBy: (key, text, signature) => equalBytes(hmac(key, 'sha1', text), signature),
}

const options = z.strictObject({
  cookieName: z
    .string()
    .regex(/^[\w!#$%&'*+.^`|~-]+$/, { error: 'is no name of a cookie' })
    .default('Cloud-CDN-Cookie')
    .describe('The cookie that carries a signed prefix.'),
  links: z
    .enum(['url', 'cookie'])
    .default('url')
    .describe('What new links are: signed URLs, or signed cookies, which open prefixes only.'),
})

/**
 * Signed URLs, URL prefixes and cookies of Google Cloud CDN: HMAC-SHA1 over the URL as the client called
 * it, or over a prefix of it.
 */
export class Gcdn implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<ConstraintName> = new Set()
  readonly signsPrefixes = true
  readonly #options: z.output<typeof options>

  constructor(given: z.output<typeof options>) {
    this.#options = given
    this.triggers = [
      { place: 'query', name: 'KeyName' },
      { place: 'query', name: 'URLPrefix' },
      { place: 'cookie', name: given.cookieName },
    ]
  }

  find(context: RequestContext): Found {
    return onlyOf([findInQuery(context), findInCookie(context, this.#options.cookieName)])
  }

  verify(carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    return verifyRequest(SIGNING, carrier, keys, context)
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    const { links, cookieName } = this.#options
    return links === 'url'
      ? signUrl(SIGNING, request, key)
      : signCookie(SIGNING, request, key, cookieName)
  }

  canonicalText(carrier: Carrier): string | undefined {
    return signedText(carrier)
  }
}

export const gcdn = defineScheme({
  name: NAME,
  algorithms: ['HS1'],
  options,
  marks: ({ cookieName }) => ['query Signature+KeyName', `cookie ${cookieName}`],
  create: (given) => new Gcdn(given),
})
