import { createHmac } from 'node:crypto'
import { decodeBase64Url, digestText, equalBytes, shortDigest } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { canonicalisePath } from '../../request/canonical-path.ts'
import type { RequestContext } from '../../request/request-context.ts'
import {
  type Constraints,
  isConstraintName,
  parseCount,
  readConstraint,
  writeConstraints,
} from '../constraints.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { decodeValue, parameterIndex, rawParameters } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  MAX_AHEAD_SECONDS,
  type Scheme,
  type SignedLink,
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
  readonly #isIgnored: (parameter: string) => boolean

  constructor(options: { isIgnored: (parameter: string) => boolean }) {
    this.#isIgnored = options.isIgnored
  }

  find(context: RequestContext): Found {
    const { rawPath, rawQuery } = context.target
    if (rawQuery === undefined) return ABSENT
    const at = parameterIndex(rawQuery, 'Signature')
    if (at < 0) {
      if (parameterIndex(rawQuery, 'KeyId') < 0) return ABSENT
      return refused('the link has a KeyId but no Signature')
    }
    const ampersand = rawQuery.indexOf('&', at)
    if (ampersand >= 0) {
      const following = rawParameters(rawQuery.slice(ampersand + 1))
      if (following.length === 0 || !following.every(({ name }) => this.#isIgnored(name))) {
        return refused('more than ignored parameters follows the Signature')
      }
    }
    const query = ampersand < 0 ? rawQuery : rawQuery.slice(0, ampersand)
    return { outcome: 'found', carrier: { place: 'query', text: `${rawPath}?${query}` } }
  }

  verify(carrier: Carrier, keys: KeyRing, now: EpochSeconds): Verified {
    const { text } = carrier
    const mark = text.lastIndexOf(SIGNATURE_MARK)
    const question = text.indexOf('?')
    if (mark < question) return refused('the Signature is the only parameter')
    const signed = text.slice(0, mark)
    const parameters = rawParameters(signed.slice(question + 1))
    const kid = parameters.find((parameter) => parameter.name === 'KeyId')?.value ?? ''
    const key = keys.find(kid, NAME, now)
    if (!key) return { outcome: 'refused', refusal: refuse('link_key_unknown', 'no such key') }
    const signature = decodeBase64Url(text.slice(mark + SIGNATURE_MARK.length))
    if (signature?.length !== 32) return refused('the Signature is no base64url of 32 bytes')
    if (!equalBytes(signature, digest(key, signed))) {
      return { outcome: 'refused', refusal: refuse('link_signature_wrong', 'the HMAC differs') }
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
    if (!/^[\x21-\x7e]*$/.test(text)) return refused('the query holds a raw non-ASCII byte')
    const path = canonicalisePath(rawPath)
    if (!path.ok) return refused(path.why)
    const seen = new Set<string>()
    const constraints: Record<string, unknown> = {}
    let expires: number | undefined
    for (const { name, value } of parameters) {
      if (seen.has(name)) return refused(`the parameter ${printable(name)} occurs twice`)
      seen.add(name)
      if (name === 'Expires') expires = parseCount(value)
      else if (isConstraintName(name)) {
        const decoded = decodeValue(value)
        if (decoded === undefined || !readConstraint(constraints, name, decoded, 'text')) {
          return refused(`the parameter ${name} has no valid value`)
        }
      } else if (name !== 'KeyId' && !this.#isIgnored(name)) {
        return refused(`the parameter ${printable(name)} is unknown`)
      }
    }
    if (expires === undefined) return refused('Expires is missing or no whole number of seconds')
    if (expires > now + MAX_AHEAD_SECONDS) return refused('Expires lies more than 10 years ahead')
    const { jti } = constraints as Constraints
    return {
      outcome: 'granted',
      grant: {
        scheme: NAME,
        key,
        linkId: jti ?? shortDigest(text),
        countKey: jti === undefined ? digestText(text) : `${key.kid}/${jti}`,
        resource: { kind: 'exact', path: path.path },
        validUntil: expires,
        constraints,
      },
    }
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    if (request.path.endsWith('/*')) {
      return refuse('link_constraint_unsupported', 'path: sluice-hmac signs one path, no prefix')
    }
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

function refused(detail: string): { outcome: 'refused'; refusal: Refusal } {
  return { outcome: 'refused', refusal: refuse('link_malformed', detail) }
}

/** A parameter name of a request, fit for a record. */
function printable(name: string): string {
  return JSON.stringify(name.slice(0, 40))
}
