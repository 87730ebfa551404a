import { refuse, type Refusal } from '../../base/refusal.ts'
import { cookieValues } from '../../request/request-headers.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parametersOf } from '../link-fields.ts'
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
import {
  ALGORITHMS,
  carrierOf,
  type CloudFrontOptions,
  EXPRESSIBLE,
  options,
  signedText,
  signLink,
  verifyLink,
} from './cloudfront.ts'
import { PARAMETERS, urlOf } from './cloudfront-policy.ts'

const NAME = 'cloudfront-cookie'
const PREFIX = 'CloudFront-'

/** Signed cookies of Amazon CloudFront: what signed URLs carry as parameters, under `CloudFront-` names. */
export class CloudFrontCookie implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = PARAMETERS.map((name) => ({
    place: 'cookie',
    name: PREFIX + name,
  }))
  readonly expresses = EXPRESSIBLE
  readonly signsPrefixes = true
  readonly #options: CloudFrontOptions

  constructor(options: CloudFrontOptions) {
    this.#options = options
  }

  find(context: RequestContext): Found {
    const { cookie } = context.headers
    if (!cookie?.includes(PREFIX)) return ABSENT
    const parts: Record<string, string> = {}
    for (const name of PARAMETERS) {
      const [value, another] = cookieValues(cookie, PREFIX + name)
      if (another !== undefined) return malformed(`the cookie ${PREFIX}${name} occurs twice`)
      if (value !== undefined) parts[name] = value
    }
    if (Object.keys(parts).length === 0) return ABSENT
    // CloudFront judges a request with such parameters by them alone: cookies are no second chance
    const names: readonly string[] = PARAMETERS
    if (parametersOf(context.target.rawQuery).some(({ name }) => names.includes(name))) {
      const refusal = refuse('link_ambiguous', 'cookies beside parameters of a signed URL')
      return { outcome: 'refused', refusal }
    }
    return carrierOf('cookie', parts, urlOf(context))
  }

  verify(carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    return verifyLink(NAME, this.#options, carrier, keys, context)
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    const parts = signLink(request, key, this.#options)
    if (isRefusal(parts)) return parts
    const target = request.path.endsWith('/*') ? request.path.slice(0, -1) : request.path
    return {
      target,
      cookies: Object.fromEntries(parts.map(([name, value]) => [PREFIX + name, value])),
    }
  }

  canonicalText(carrier: Carrier): string | undefined {
    return signedText(carrier)
  }
}

export const cloudfrontCookie = defineScheme({
  name: NAME,
  algorithms: ALGORITHMS,
  options,
  marks: () => [`cookie ${PREFIX}Signature`],
  create: (given) => new CloudFrontCookie(given),
})
