import type { Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parametersOf, readFields } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
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

const NAME = 'cloudfront-url'

/**
 * Signed URLs of Amazon CloudFront: `Expires` for a canned policy, which opens one URL, or `Policy` for
 * a custom one with wildcards, with `Signature` and `Key-Pair-Id`.
 */
export class CloudFrontUrl implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [{ place: 'query', name: 'Key-Pair-Id' }]
  readonly expresses = EXPRESSIBLE
  readonly signsPrefixes = true
  readonly #options: CloudFrontOptions

  constructor(options: CloudFrontOptions) {
    this.#options = options
  }

  find(context: RequestContext): Found {
    const parameters = parametersOf(context.target.rawQuery)
    // the other names are those of other formats, too
    if (!parameters.some(({ name }) => name === 'Key-Pair-Id')) return ABSENT
    const fields = readFields(parameters, PARAMETERS)
    if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
    return carrierOf('query', fields, urlOf(context))
  }

  verify(carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    return verifyLink(NAME, this.#options, carrier, keys, context)
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    const parts = signLink(request, key, this.#options)
    if (isRefusal(parts)) return parts
    const path = request.path.endsWith('/*') ? request.path.slice(0, -1) : request.path
    return { target: `${path}?${parts.map((part) => part.join('=')).join('&')}` }
  }

  canonicalText(carrier: Carrier): string | undefined {
    return signedText(carrier)
  }
}

export const cloudfrontUrl = defineScheme({
  name: NAME,
  algorithms: ALGORITHMS,
  options,
  marks: () => ['query Signature+Key-Pair-Id'],
  create: (given) => new CloudFrontUrl(given),
})
