import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { decodeBase64Url, equalBytes } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { canonicalisePath } from '../../request/canonical-path.ts'
import type { RequestContext } from '../../request/request-context.ts'
import {
  ALL_CONSTRAINTS,
  type Constraints,
  isConstraintName,
  parseCount,
  readConstraint,
  writeConstraints,
} from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { decodeValue, parameterIndex, rawParameters } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  MAX_AHEAD_SECONDS,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'

const NAME = 'sluice-hmac'
const SIGNATURE_MARK = '&Signature='

/**
 * `PATH?…constraints…&Expires=E&KeyId=K&Signature=S` with
 * S = base64url(HMAC-SHA256(key, the exact path and query before `&Signature=`)).
 * Only ignored parameters may follow the signature.
 */
export class SluiceHmac implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [
    { place: 'query', name: 'Signature' },
    { place: 'query', name: 'KeyId' },
  ]
  readonly expresses = ALL_CONSTRAINTS
  readonly signsPrefixes = false
  readonly #isIgnored: (parameter: string) => boolean

  constructor(options: { isIgnored: (parameter: string) => boolean }) {
    this.#isIgnored = options.isIgnored
  }

  find(context: RequestContext): Found {
    const { rawPath, rawQuery } = context.target
    if (rawQuery === undefined) return ABSENT
    const hasKeyId = parameterIndex(rawQuery, 'KeyId') >= 0
    const at = parameterIndex(rawQuery, 'Signature')
    if (at < 0) return hasKeyId ? malformed('the link has a KeyId but no Signature') : ABSENT
    if (!hasKeyId) {
      // other formats have a Signature, too; alone it is a link of ours that lost its key
      const carrier: Carrier = { place: 'query', text: `${rawPath}?${rawQuery}` }
      return { outcome: 'found', carrier, isWeak: true }
    }
    const ampersand = rawQuery.indexOf('&', at)
    if (ampersand >= 0) {
      const following = rawParameters(rawQuery.slice(ampersand + 1))
      if (following.length === 0 || !following.every(({ name }) => this.#isIgnored(name))) {
        return malformed('more than ignored parameters follows the Signature')
      }
    }
    const query = ampersand < 0 ? rawQuery : rawQuery.slice(0, ampersand)
    return found('query', `${rawPath}?${query}`)
  }

  verify({ text }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const mark = text.lastIndexOf(SIGNATURE_MARK)
    const question = text.indexOf('?')
    if (mark < question) return malformed('the Signature is the only parameter')
    const signed = text.slice(0, mark)
    const parameters = rawParameters(signed.slice(question + 1))
    const kid = parameters.find((parameter) => parameter.name === 'KeyId')?.value ?? ''
    const key = keys.find(kid, NAME, now)
    if (!key) return refused('link_key_unknown', 'no such key')
    const signature = decodeBase64Url(text.slice(mark + SIGNATURE_MARK.length))
    if (signature?.length !== 32) return malformed('the Signature is no base64url of 32 bytes')
    if (!equalBytes(signature, digest(key, signed))) {
      return refused('link_signature_wrong', 'the HMAC differs')
    }
    return this.#readGrant(text, signed.slice(0, question), parameters, key, now)
  }

  /** Reads what was signed, strictly: nothing unknown, nothing twice. */
  #readGrant(
    text: string,
    rawPath: string,
    parameters: ReturnType<typeof rawParameters>,
    key: Key,
    now: EpochSeconds,
  ): Verified {
    if (!/^[\x21-\x7e]*$/.test(text)) return malformed('the query holds a raw non-ASCII byte')
    const path = canonicalisePath(rawPath)
    if (!path.ok) return malformed(path.why)
    const seen = new Set<string>()
    const constraints: Record<string, unknown> = {}
    let expires: number | undefined
    for (const { name, value } of parameters) {
      if (seen.has(name)) return malformed(`the parameter ${printable(name)} occurs twice`)
      seen.add(name)
      if (name === 'Expires') expires = parseCount(value)
      else if (isConstraintName(name)) {
        const decoded = decodeValue(value)
        if (decoded === undefined || !readConstraint(constraints, name, decoded, 'text')) {
          return malformed(`the parameter ${name} has no valid value`)
        }
      } else if (name !== 'KeyId' && !this.#isIgnored(name)) {
        return malformed(`the parameter ${printable(name)} is unknown`)
      }
    }
    if (expires === undefined) return malformed('Expires is missing or no whole number of seconds')
    if (expires > now + MAX_AHEAD_SECONDS) return malformed('Expires lies more than 10 years ahead')
    const { jti } = constraints as Constraints
    return {
      outcome: 'granted',
      grant: {
        scheme: NAME,
        key,
        ...identify(key, jti, text),
        resource: { kind: 'exact', path: path.path },
        validUntil: expires,
        constraints,
      },
    }
  }

  sign(request: LinkRequest, key: Key): SignedLink {
    const pairs = writeConstraints(request.constraints, 'text').map(
      ([name, value]) => `${name}=${encodeURIComponent(value as string)}`,
    )
    pairs.push(`Expires=${request.expiresAt}`, `KeyId=${key.kid}`)
    const signed = `${request.path}?${pairs.join('&')}`
    return { target: `${signed}${SIGNATURE_MARK}${digest(key, signed).toString('base64url')}` }
  }

  canonicalText(carrier: Carrier): string | undefined {
    const mark = carrier.text.lastIndexOf(SIGNATURE_MARK)
    return mark < 0 ? undefined : carrier.text.slice(0, mark)
  }
}

function digest(key: Key, text: string): Buffer {
  // latin1 gives back the very bytes of the request line
  return createHmac('sha256', key.signKey ?? key.verifyKey)
    .update(text, 'latin1')
    .digest()
}

/** A parameter name of a request, fit for a record. */
function printable(name: string): string {
  return JSON.stringify(name.slice(0, 40))
}

export const sluiceHmac = defineScheme({
  name: NAME,
  algorithms: ['HS256'],
  options: z.strictObject({}),
  marks: () => ['query Signature+KeyId'],
  create: (_options, { isIgnored }) => new SluiceHmac({ isIgnored }),
})
