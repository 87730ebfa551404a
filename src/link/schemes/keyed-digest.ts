import { decodeBase64, decodeHex, equalBytes } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext, Site } from '../../request/request-context.ts'
import type { RequestTarget } from '../../request/request-target.ts'
import { type ConstraintName, parseCount } from '../constraints.ts'
import { digest, hmac, secretBytes } from '../digest.ts'
import { identify } from '../grant.ts'
import { type Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  malformed,
  MAX_AHEAD_SECONDS,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import type {
  DigestInput,
  DigestKeyPair,
  DigestValues,
  KeyedDigestFormat,
} from './digest-format.ts'
import type { DigestParts, DigestPlace } from './digest-place.ts'
import { matchingKey } from './matching-key.ts'
import { networkOf, oneAddress } from './one-address.ts'

/** A key and, for formats with one, the salt beside it. */
interface Signer {
  readonly key: Key
  readonly salt: string
}

type Bound = Pick<DigestValues, 'client' | 'site'>

/** No such byte stands in a request line; MD5(key + text) could be extended with its padding. */
const UNPRINTABLE = /[^\x21-\x7e]/

/** Formats that differ in the order of the pieces, the digest, its writing and its place. */
export class KeyedDigest implements Scheme {
  readonly name: string
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<ConstraintName>
  readonly signsPrefixes = false
  /** Of formats whose token stands in the path. */
  readonly cutPath?: (rawPath: string) => string | undefined
  readonly #format: KeyedDigestFormat

  constructor(format: KeyedDigestFormat) {
    const { name, places, bindsAddress = false, hasBegin = false } = format
    this.name = name
    this.triggers = places.map(({ trigger }) => trigger)
    this.expresses = new Set<ConstraintName>([
      ...(bindsAddress ? (['ip'] as const) : []),
      ...(hasBegin ? (['nbf'] as const) : []),
    ])
    this.#format = format
    const cuts = places.flatMap(({ cutPath }) => cutPath ?? [])
    if (cuts.length > 0) {
      this.cutPath = (rawPath) => {
        for (const cut of cuts) {
          const path = cut(rawPath)
          if (path !== undefined) return path
        }
        return undefined
      }
    }
  }

  find({ target, client, site }: RequestContext): Found {
    const found = this.#located(target)
    const [first, second] = found
    if (!first) return ABSENT
    if (second) return refused('link_ambiguous', 'the link stands in two places')
    const { bindsAddress, bindsSite } = this.#format
    const text = [
      `${target.rawPath}?${target.rawQuery ?? ''}`,
      bindsAddress ? (client?.text ?? '') : '',
      bindsSite ? textOf(site) : '',
    ].join(' ')
    const carrier: Carrier = { place: first.place.place, text }
    return first.how === 'sure'
      ? { outcome: 'found', carrier }
      : { outcome: 'found', carrier, isWeak: true }
  }

  verify(_carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const { target, now, client, site } = context
    const { bindsAddress, outside } = this.#format
    if (UNPRINTABLE.test(target.rawPath + (target.rawQuery ?? ''))) {
      return malformed('the request target holds a byte that no link has')
    }
    const parts = this.#located(target)[0]?.place.read(target)
    if (!parts) return malformed('no link is here')
    if (isRefusal(parts)) return { outcome: 'refused', refusal: parts }
    const signature = this.#decode(parts.signature)
    if (signature?.length !== this.#format.bytes) {
      return malformed(
        `the signature is no ${this.#format.encoding} of ${this.#format.bytes} bytes`,
      )
    }
    const validity = this.#validity(parts, now)
    if (isRefusal(validity)) return { outcome: 'refused', refusal: validity }
    if (bindsAddress && !client) {
      return refused('address_not_allowed', 'the client address is unknown')
    }
    const why = outside?.(parts.path, site)
    if (why !== undefined) return refused('link_resource_mismatch', why)
    const bound = { client: client?.text ?? '', site: textOf(site) }
    const key = this.#keyOf(keys, now, (signer) =>
      this.#format.inputs.some((input) =>
        equalBytes(this.#digest(signer, input, { ...parts, ...bound }), signature),
      ),
    )
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    const { nbf, validUntil } = validity
    return {
      outcome: 'granted',
      grant: {
        scheme: this.name,
        key,
        ...identify(key, undefined, this.#signedText({ ...parts, ...bound })),
        resource: this.#format.resource?.(parts, context) ?? { kind: 'exact', path: context.path },
        validUntil,
        constraints: {
          ...(nbf !== undefined && { nbf }),
          ...(bindsAddress && client && { ip: [networkOf(client)] }),
        },
      },
    }
  }

  sign(request: LinkRequest, key: Key, keys: KeyRing = new KeyRing([])): SignedLink | Refusal {
    const { path, expiresAt, constraints, site } = request
    const { time, outside, pair, bindsAddress = false } = this.#format
    if (!time) return unsayable('expires_at', 'links of this form never expire')
    const issuedAt = expiresAt - (time.ttl ?? 0)
    if (issuedAt < 0) return unsayable('expires_at', `less than the lifetime of ${time.ttl} s`)
    const client = bindsAddress ? oneAddress(constraints) : ''
    if (client === undefined) {
      return unsayable('ip', 'a link of this form is bound to exactly one address')
    }
    const signer = pair
      ? signerOf(pair, (kid) => [...keys].find((held) => held.kid === kid))
      : { key, salt: '' }
    if (signer?.key.verifyKey.type !== 'secret') {
      const needed = pair ? `the keys ${pair.keyId} and ${pair.saltId}` : 'a secret'
      return refuse('link_key_unknown', `a link of this form is signed with ${needed}`)
    }
    const { nbf } = constraints
    const [place] = this.#format.places
    const parts = place.draft(path, time.write(issuedAt), nbf === undefined ? nbf : String(nbf))
    const why = outside?.(parts.path, site)
    if (why !== undefined) return unsayable('path', why)
    const bound = { client, site: textOf(site) }
    const bytes = this.#digest(signer, this.#format.inputs[0], { ...parts, ...bound })
    return { target: place.write({ ...parts, signature: this.#encode(bytes) }, path) }
  }

  canonicalText(_carrier: Carrier, { target, client, site }: RequestContext): string | undefined {
    const parts = this.#located(target)[0]?.place.read(target)
    if (!parts || isRefusal(parts)) return undefined
    return this.#signedText({ ...parts, client: client?.text ?? '', site: textOf(site) })
  }

  #located(target: RequestTarget): { place: DigestPlace; how: 'sure' | 'weak' }[] {
    return this.#format.places.flatMap((place) => {
      const how = place.find(target)
      return how ? [{ place, how }] : []
    })
  }

  #validity(
    { time: text, begin }: DigestParts,
    now: EpochSeconds,
  ): { readonly validUntil: EpochSeconds; readonly nbf: EpochSeconds | undefined } | Refusal {
    const { time, allowUnlimited } = this.#format
    const nbf = begin === undefined ? undefined : parseCount(begin)
    if (begin !== undefined && nbf === undefined) {
      return refuse('link_malformed', 'the begin is no whole number of seconds')
    }
    if (text === undefined || !time) {
      return allowUnlimited
        ? { validUntil: Infinity, nbf }
        : refuse('link_lifetime_exceeded', 'the link never expires')
    }
    const seconds = time.read(text)
    if (seconds === undefined) return refuse('link_malformed', 'the time of the link is no time')
    const end = seconds + (time.ttl ?? 0)
    if (end > now + MAX_AHEAD_SECONDS) {
      return refuse('link_malformed', 'the expiry lies more than 10 years ahead')
    }
    return { validUntil: time.isInclusive ? end + 1 : end, nbf }
  }

  /** The key that a link was signed with. */
  #keyOf(keys: KeyRing, now: EpochSeconds, isSignedBy: (signer: Signer) => boolean): Key | Refusal {
    const { name, pair } = this.#format
    if (!pair) return matchingKey(keys, name, now, (key) => isSignedBy({ key, salt: '' }))
    const signer = signerOf(pair, (kid) => keys.find(kid, name, now))
    if (!signer) return refuse('link_key_unknown', 'the key or its salt is missing')
    return isSignedBy(signer)
      ? signer.key
      : refuse('link_signature_wrong', 'the key and its salt do not make this signature')
  }

  #digest({ key, salt }: Signer, input: DigestInput, parts: DigestParts & Bound): Buffer {
    const { isHmac, digest: name, bytes } = this.#format
    const secret = isHmac ? '' : secretBytes(key).toString('latin1')
    const text = input({ ...parts, secret, salt })
    return (isHmac ? hmac(key, name, text) : digest(name, text)).subarray(0, bytes)
  }

  /** What was hashed, with a word in the place of the secret. */
  #signedText(parts: DigestParts & Bound): string {
    return this.#format.inputs[0]({ ...parts, secret: '<secret>', salt: '<salt>' })
  }

  #decode(text: string): Buffer | undefined {
    switch (this.#format.encoding) {
      case 'hex':
        return decodeHex(text)
      case 'base64url':
        return decodeBase64(text, 'base64url')
      case 'base64url-padded':
        return decodeBase64(text.replace(/%3[Dd]/g, '='), 'base64url')
      default:
        return this.#format.encoding satisfies never
    }
  }

  #encode(bytes: Buffer): string {
    if (this.#format.encoding === 'hex') return bytes.toString('hex')
    const text = bytes.toString('base64url')
    const isPadded = this.#format.encoding === 'base64url-padded'
    return isPadded ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text
  }
}

function signerOf(
  { keyId, saltId }: DigestKeyPair,
  find: (kid: string) => Key | undefined,
): Signer | undefined {
  const key = find(keyId)
  const salt = find(saltId)
  if (key?.verifyKey.type !== 'secret' || salt?.verifyKey.type !== 'secret') return undefined
  return { key, salt: secretBytes(salt).toString('latin1') }
}

function textOf({ scheme, host }: Site): string {
  return `${scheme}://${host}`
}

function unsayable(field: string, why: string): Refusal {
  return refuse('link_constraint_unsupported', `${field}: ${why}`)
}
