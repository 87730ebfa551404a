import { z } from 'zod'
import { parseAddress } from '../../base/address.ts'
import { decodeHex, equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { type ConstraintName, type Constraints, parseCount } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { hmac } from '../digest.ts'
import { identify, type Resource } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parseExpiry } from '../link-fields.ts'
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
import { networkOf, oneAddress } from './one-address.ts'
import { plainPath } from './served-path.ts'
import {
  fieldsOf,
  MAX_FLAGS,
  objectPath,
  readUrlSig,
  signedParts,
  signsWholePath,
  type UrlSigOptions,
} from './url-sig.ts'

const NAME = 'ats-url-sig'

/** By the number in `A`. Any key may be used with both, as in Traffic Server. */
const DIGESTS = {
  '1': { name: 'sha1', bytes: 20 },
  '2': { name: 'md5', bytes: 16 },
} as const

export interface AtsUrlSigOptions extends UrlSigOptions {
  /** What stands before the index in a `kid`. */
  readonly keyPrefix: string
}

/**
 * Links of Traffic Server's url_sig plugin: parameters at the end of the query, or in a token in the
 * path. `P` says which parts of host and path are signed, `K` is the `kid`.
 */
export class AtsUrlSig implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [{ place: 'shape' }]
  readonly expresses: ReadonlySet<ConstraintName> = new Set(['ip'])
  readonly signsPrefixes = true
  readonly #options: AtsUrlSigOptions

  constructor(given: AtsUrlSigOptions) {
    this.#options = given
  }

  cutPath(rawPath: string): string | undefined {
    return objectPath(rawPath, this.#options.sigAnchor)
  }

  find(context: RequestContext): Found {
    const sig = readUrlSig(context, this.#options)
    if (!sig) return ABSENT
    if ('reason' in sig) return { outcome: 'refused', refusal: sig }
    return found(sig.place, `${sig.signature} ${sig.parts} ${sig.tail}`)
  }

  verify({ place, text }: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const [given = '', parts = '', tail = ''] = text.split(' ')
    const fields = fieldsOf({ place: place === 'path' ? 'path' : 'query', tail })
    if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
    const { C, E, A = '', K = '', P = '' } = fields
    if (A !== '1' && A !== '2') return malformed('A is neither 1 nor 2')
    const digest = DIGESTS[A]
    const expires = parseExpiry(E, context.now)
    if (typeof expires === 'object') return { outcome: 'refused', refusal: expires }
    const constraints = readAddress(C)
    if (!constraints) return malformed('C is no address')
    const index = parseCount(K)
    const kid = `${this.#options.keyPrefix}${index}`
    const key = index === undefined ? undefined : keys.find(kid, NAME, context.now)
    if (key?.verifyKey.type !== 'secret') return refused('link_key_unknown', 'no such key')
    const signature = decodeHex(given)
    if (signature?.length !== digest.bytes) return malformed(`S is no hex of ${digest.bytes} bytes`)
    if (!equalBytes(signature, hmac(key, digest.name, parts + tail))) {
      return refused('link_signature_wrong', 'the HMAC differs')
    }
    return {
      outcome: 'granted',
      grant: {
        scheme: NAME,
        key,
        ...identify(key, undefined, parts + tail),
        resource:
          place === 'query' && signsWholePath(P)
            ? { kind: 'exact', path: plainPath(context.target.rawPath) }
            : this.#pattern(parts),
        // refused when `E < now`
        validUntil: expires + 1,
        constraints,
      },
    }
  }

  sign({ path, expiresAt, constraints, site }: LinkRequest, key: Key): SignedLink | Refusal {
    const unsayable = (detail: string): Refusal => refuse('link_constraint_unsupported', detail)
    const { keyPrefix } = this.#options
    const index = key.kid.startsWith(keyPrefix)
      ? parseCount(key.kid.slice(keyPrefix.length))
      : undefined
    if (index === undefined) return unsayable(`scheme: the key ${key.kid} has no index`)
    const address = constraints.ip && oneAddress(constraints)
    if (constraints.ip && address === undefined) return unsayable('ip: a link binds one address')
    const isPrefix = path.endsWith('/*')
    const rawPath = isPrefix ? path.slice(0, -1) : path
    const flags = isPrefix ? `${'1'.repeat(rawPath.split('/').length - 1)}0` : '1'
    if (flags.length > MAX_FLAGS) return unsayable('path: it has too many segments')
    const algorithm = key.alg === 'MD5' ? '2' : '1'
    const client = address === undefined ? '' : `C=${address}&`
    const tail = `?${client}E=${expiresAt}&A=${algorithm}&K=${index}&P=${flags}&S=`
    const signed = signedParts(site.host, rawPath, flags) + tail
    const signature = hmac(key, DIGESTS[algorithm].name, signed).toString('hex')
    return { target: rawPath + tail + signature }
  }

  canonicalText({ text }: Carrier): string | undefined {
    const [, parts = '', tail = ''] = text.split(' ')
    return parts + tail
  }

  /** What requests with the same signed parts ask for. */
  #pattern(parts: string): Resource {
    return {
      kind: 'pattern',
      text: `the parts ${parts}`,
      covers: (context) => {
        const sig = readUrlSig(context, this.#options)
        return sig !== undefined && 'parts' in sig && sig.parts === parts
      },
    }
  }
}

/** The constraint of `C`: undefined when it is no address. */
function readAddress(text: string | undefined): Constraints | undefined {
  if (text === undefined) return {}
  const address = text.includes('%') ? undefined : parseAddress(text)
  return address && { ip: [networkOf(address)] }
}

export const atsUrlSig = defineScheme({
  name: NAME,
  algorithms: ['HS1', 'MD5'],
  options: z.strictObject({
    sigAnchor: z
      .string()
      .regex(/^[\w.-]+$/, { error: 'must be a plain name' })
      .nullable()
      .default(null)
      .describe(
        'The path parameter that holds the token, as sig_anchor; null: a segment of its own.',
      ),
    keyPrefix: z
      .string()
      .regex(/^[\w.-]*$/, { error: 'must hold plain characters' })
      .default('')
      .describe('The kid of key 3 is this and then 3: so routes can have keys of their own.'),
  }),
  marks: ({ sigAnchor }) => [
    'query E+A+K+P+S',
    'path url_sig',
    ...(sigAnchor === null ? [] : [`path ;${sigAnchor}=`]),
  ],
  create: (options, { isIgnored }) => new AtsUrlSig({ ...options, isIgnored }),
})
