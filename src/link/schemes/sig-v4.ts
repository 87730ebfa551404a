import { createHmac, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { basicTime } from '../../base/basic-time.ts'
import { equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext, Site } from '../../request/request-context.ts'
import { headerValue } from '../../request/request-headers.ts'
import type { ConstraintName, Constraints } from '../constraints.ts'
import { bytesOf, secretBytes } from '../digest.ts'
import { identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal } from '../link-fields.ts'
import { readResponseParameters, writeResponseParameters } from '../response-parameters.ts'
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
import { signedMethods } from './head-as-get.ts'
import {
  canonicalQuery,
  canonicalRequest,
  MAX_LIFETIME_SECONDS,
  type Pair,
  readV4Link,
  signedHeaderValues,
  stringToSign,
  type V4Link,
} from './v4-link.ts'

/** How a vendor writes version 4 of the signature that Amazon began. */
export interface V4Dialect {
  readonly name: string
  /** What its parameters begin with: `X-Amz-`. */
  readonly prefix: string
  readonly hmacAlgorithm: string
  /** Undefined where only secrets sign. */
  readonly rsaAlgorithm?: string
  /** Stands before the secret where the signing key is derived. */
  readonly secretPrefix: string
  readonly terminator: string
  /** Of new links whose options name no region. */
  readonly defaultRegion: string
  /** A parameter may carry the digest of the payload, as its header does. */
  readonly hasPayloadParameter: boolean
  /** The values of `host` that a link may sign; the last one is for new links. */
  readonly hosts: (site: Site) => readonly [string, ...string[]]
}

export interface V4Options {
  readonly region?: string | undefined
  readonly service: string
  readonly clockSkewSeconds: number
  readonly headAsGet: boolean
  readonly sessionToken?: string | undefined
}

const EXPRESSIBLE: ReadonlySet<ConstraintName> = new Set(['iat', 'nbf'])
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/**
 * Signature version 4 in the query: HMAC or RSA over a canonical form of method, path, query and some
 * headers. The whole query is signed, so that nothing may be added.
 */
export class SigV4 implements Scheme {
  readonly name: string
  readonly triggers: readonly Trigger[]
  readonly expresses = EXPRESSIBLE
  readonly signsPrefixes = false
  readonly signsMethod = true
  readonly setsResponse = true
  readonly #dialect: V4Dialect
  readonly #options: V4Options

  constructor(dialect: V4Dialect, options: V4Options) {
    this.name = dialect.name
    this.triggers = ['Signature', 'Credential', 'Algorithm'].map((field) => ({
      place: 'query',
      name: dialect.prefix + field,
    }))
    this.#dialect = dialect
    this.#options = options
  }

  find(context: RequestContext): Found {
    const { target, method, site } = context
    const link = readV4Link(target.rawQuery, this.#dialect.prefix)
    if (!link) return ABSENT
    if (isRefusal(link)) return { outcome: 'refused', refusal: link }
    const headers = signedHeaderValues(link.signedHeaders, site.host, context)
    const payloadHash = this.#payloadHash(link, context)
    if (!headers || payloadHash === undefined) {
      return malformed('the request lacks a signed header, or its payload has no valid digest')
    }
    const lines = headers.map(([name, value]) => `\n${name}:${value}`).join('')
    const url = `${target.rawPath}?${target.rawQuery}`
    return found('query', `${method} ${site.host} ${url} ${payloadHash}${lines}`)
  }

  verify(_carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const link = readV4Link(context.target.rawQuery, this.#dialect.prefix)
    if (!link) return malformed('the request has no link')
    if (isRefusal(link)) return { outcome: 'refused', refusal: link }
    const stranger = this.#strangeScope(link)
    if (stranger !== undefined) return malformed(stranger)
    const key = keys.find(link.keyId, this.name, context.now)
    if (!key) return refused('link_key_unknown', 'no such key')
    if (this.#algorithmOf(key) !== link.algorithm) {
      return refused('link_key_unknown', 'the key is of another algorithm')
    }
    for (const canonical of this.#canonicalForms(link, context)) {
      const text = stringToSign(link, canonical)
      if (isSignedBy(link, text, key, this.#dialect)) return this.#grant(link, text, key, context)
    }
    return refused('link_signature_wrong', 'the signature does not hold')
  }

  #strangeScope({
    scope: [, region, service, terminator],
    sessionToken,
  }: V4Link): string | undefined {
    const { region: expected, service: own, sessionToken: session } = this.#options
    if (expected !== undefined && region !== expected) return 'the scope names another region'
    if (service !== own) return 'the scope names another service'
    if (terminator !== this.#dialect.terminator) return 'the scope ends in another word'
    if (session === undefined) return undefined
    const isSame = equalBytes(bytesOf(sessionToken ?? ''), bytesOf(session))
    return isSame ? undefined : 'the token is of another session'
  }

  /** A link names its algorithm, but the key decides. */
  #algorithmOf({ verifyKey }: Key): string | undefined {
    if (verifyKey.type === 'secret') return this.#dialect.hmacAlgorithm
    return verifyKey.asymmetricKeyType === 'rsa' ? this.#dialect.rsaAlgorithm : undefined
  }

  /** What may have been signed for this request. */
  *#canonicalForms(link: V4Link, context: RequestContext): Generator<string> {
    const { method, site, target } = context
    const payloadHash = this.#payloadHash(link, context)
    if (payloadHash === undefined) return
    const methods = signedMethods(method, this.#options.headAsGet)
    for (const host of this.#dialect.hosts(site)) {
      const headers = signedHeaderValues(link.signedHeaders, host, context)
      if (!headers) return
      for (const signedMethod of methods) {
        const { parameters } = link
        const parts = { rawPath: target.rawPath, parameters, headers, payloadHash }
        const canonical = canonicalRequest({ method: signedMethod, ...parts })
        if (canonical !== undefined) yield canonical
      }
    }
  }

  #payloadHash({ payloadHash }: V4Link, { headers }: RequestContext): string | undefined {
    const { prefix, hasPayloadParameter } = this.#dialect
    const given =
      (hasPayloadParameter ? payloadHash : undefined) ??
      headerValue(headers, `${prefix.toLowerCase()}content-sha256`) ??
      UNSIGNED_PAYLOAD
    // 63 digits stand in the tests that Google publishes for its libraries
    return given === UNSIGNED_PAYLOAD || /^[0-9A-Fa-f]{40,64}$/.test(given) ? given : undefined
  }

  #grant(link: V4Link, signedText: string, key: Key, { method, path }: RequestContext): Verified {
    const other = otherThanObject(
      method,
      link.parameters.map(([name]) => name),
    )
    if (other !== undefined) return refused('link_resource_mismatch', `the link is for ${other}`)
    const response = readResponseParameters(link.parameters)
    if (response && isRefusal(response)) return { outcome: 'refused', refusal: response }
    return {
      outcome: 'granted',
      grant: {
        scheme: this.name,
        key,
        ...identify(key, undefined, signedText),
        resource: { kind: 'exact', path },
        validUntil: link.date + link.lifetime,
        constraints: { iat: link.date, nbf: link.date - this.#options.clockSkewSeconds },
        ...(response && { response }),
      },
    }
  }

  sign(request: LinkRequest, key: Key): SignedLink | Refusal {
    const { path, expiresAt, constraints, site, method = 'GET', response } = request
    const { prefix, hosts, terminator, defaultRegion } = this.#dialect
    const { region = defaultRegion, service, sessionToken } = this.#options
    const algorithm = this.#algorithmOf(key)
    if (algorithm === undefined)
      return refuse('link_key_unknown', 'the key is of another algorithm')
    const date = this.#dateOf(constraints, expiresAt)
    const lifetime = expiresAt - date
    if (lifetime < 1 || lifetime > MAX_LIFETIME_SECONDS) {
      const field = constraints.nbf === undefined ? 'expires_at' : 'nbf'
      const detail = `a link of ${this.name} lives 1 to ${MAX_LIFETIME_SECONDS} s from its date on`
      return refuse('link_constraint_unsupported', `${field}: ${detail}`)
    }
    const timestamp = basicTime(date)
    const scope = [timestamp.slice(0, 8), region, service, terminator] as const
    const parameters: Pair[] = [
      [`${prefix}Algorithm`, algorithm],
      [`${prefix}Credential`, [key.kid, ...scope].join('/')],
      [`${prefix}Date`, timestamp],
      [`${prefix}Expires`, String(lifetime)],
      [`${prefix}SignedHeaders`, 'host'],
      ...(sessionToken === undefined ? [] : [[`${prefix}Security-Token`, sessionToken] as const]),
      ...writeResponseParameters(response).map(
        ([name, text]) => [name, Buffer.from(text).toString('latin1')] as const,
      ),
    ]
    const canonical = canonicalRequest({
      method,
      rawPath: path,
      parameters,
      headers: [['host', hosts(site).at(-1) ?? site.host]],
      payloadHash: UNSIGNED_PAYLOAD,
    })
    if (canonical === undefined) return refuse('link_malformed', 'path: holds a broken octet')
    const text = stringToSign({ algorithm, timestamp, scope }, canonical)
    const signature = signText(text, scope, key, this.#dialect)
    if (!signature) return refuse('link_key_unknown', 'the key has no private half')
    const query = `${canonicalQuery(parameters)}&${prefix}Signature=${signature.toString('hex')}`
    return { target: `${path}?${query}` }
  }

  /** A link begins at its date, or earlier by the skew; without a word on it as early as it may. */
  #dateOf({ iat, nbf }: Constraints, expiresAt: number): number {
    if (nbf !== undefined) return nbf + this.#options.clockSkewSeconds
    return iat ?? expiresAt - MAX_LIFETIME_SECONDS
  }

  /** The string to sign, and the canonical request whose digest is its last line. */
  canonicalText(_carrier: Carrier, context: RequestContext): string | undefined {
    const link = readV4Link(context.target.rawQuery, this.#dialect.prefix)
    if (!link || isRefusal(link)) return undefined
    const [canonical] = this.#canonicalForms(link, context)
    if (canonical === undefined) return undefined
    return `${stringToSign(link, canonical)}\n\n${canonical}`
  }
}

function isSignedBy(
  { signature, scope }: V4Link,
  text: string,
  key: Key,
  dialect: V4Dialect,
): boolean {
  return key.verifyKey.type === 'secret'
    ? equalBytes(signature, chainedHmac(text, scope, key, dialect))
    : verifyBytes('sha256', bytesOf(text), key.verifyKey, signature)
}

function signText(
  text: string,
  scope: V4Link['scope'],
  key: Key,
  dialect: V4Dialect,
): Buffer | undefined {
  if (key.verifyKey.type === 'secret') return chainedHmac(text, scope, key, dialect)
  return key.signKey && signBytes('sha256', bytesOf(text), key.signKey)
}

/** Each part of the scope is signed with the last result as key, so that a key lives one day in one place. */
function chainedHmac(text: string, scope: V4Link['scope'], key: Key, dialect: V4Dialect): Buffer {
  let secret = Buffer.concat([bytesOf(dialect.secretPrefix), secretBytes(key)])
  for (const part of [...scope, text]) {
    secret = createHmac('sha256', secret).update(bytesOf(part)).digest()
  }
  return secret
}
