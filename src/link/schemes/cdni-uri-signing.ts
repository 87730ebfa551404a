import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { cookieValues } from '../../request/request-headers.ts'
import { type ConstraintName, type Constraints, isCount, readConstraint } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { type Grant, identify } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import {
  ABSENT,
  type Carrier,
  found,
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
import { type CdniUriSigningOptions, checkClaims, type Claims, readAddress } from './cdni-claims.ts'
import { cutPackages, readContainer } from './cdni-package.ts'
import { decryptJwe, ENCRYPTIONS, isDecryptionKey } from './jwe.ts'
import { isJsonObject, isSignedBy, type JwsHeader, readJws, signedPart, signJws } from './jws.ts'
import { normalisePath, normaliseUri } from './normal-uri.ts'
import { escapeExtended } from './pattern.ts'
import { cookiePath, renewalCookie } from './renewal-cookie.ts'

const NAME = 'cdni-uri-signing'
const MAX_TOKEN = 8192
const MAX_COOKIE_TOKEN = 4096
const MAX_KEYS = 16
/**
 * CDNI URI Signing (RFC 9246): a JWT that says by `cdniuc` which URIs it opens, as query parameter, path
 * segment, path-style parameter or cookie. Every one must expire.
 */
export class CdniUriSigning implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses: ReadonlySet<ConstraintName>
  readonly signsPrefixes = true
  readonly #options: CdniUriSigningOptions

  constructor(options: CdniUriSigningOptions) {
    this.#options = options
    this.triggers = [
      { place: 'query', name: options.package },
      { place: 'cookie', name: options.package },
      { place: 'path', text: options.package },
    ]
    this.expresses = new Set<ConstraintName>(
      options.oneTime ? ['jti', 'iat', 'nbf', 'multi_use'] : ['jti', 'iat', 'nbf'],
    )
  }

  find({ target, headers }: RequestContext): Found {
    const name = this.#options.package
    const tokens: { readonly place: Carrier['place']; readonly token: string }[] = [
      ...(hasPackage(target, name) ? cutPackages(target, name).tokens : []),
      ...cookieValues(headers.cookie, name).map((token) => ({ place: 'cookie' as const, token })),
    ]
    const [carrier] = tokens
    if (!carrier) return ABSENT
    if (tokens.length > 1) return refused('link_ambiguous', 'the request carries several tokens')
    return found(carrier.place, carrier.token)
  }

  cutPath(rawPath: string): string | undefined {
    const target = { rawPath, rawQuery: undefined }
    const name = this.#options.package
    return hasPackage(target, name) ? cutPackages(target, name).target.rawPath : undefined
  }

  verify({ place, text }: Carrier, keys: KeyRing, { now }: RequestContext): Verified {
    const limit = place === 'cookie' ? MAX_COOKIE_TOKEN : MAX_TOKEN
    if (text.length > limit) return malformed(`the token is longer than ${limit} bytes`)
    const jws = readJws(text)
    if ('reason' in jws) return { outcome: 'refused', refusal: jws }
    const candidates = selectKeys(jws.header, keys, now)
    if (candidates.length === 0) return refused('link_key_unknown', 'no such key')
    const key = candidates.find((candidate) => isSignedBy(text, candidate))
    if (!key) return refused('link_signature_wrong', 'the signature does not hold')
    const claims = jws.payload()
    if (!isJsonObject(claims)) return malformed('the payload is no JSON object with unique names')
    const no = checkClaims(claims, this.#options, key)
    if (no) return { outcome: 'refused', refusal: no }
    return this.#grant(text, claims, key, keys, now)
  }

  #grant(token: string, claims: Claims, key: Key, keys: KeyRing, now: EpochSeconds): Verified {
    const { exp, cdniip } = claims
    if (!isCount(exp)) return malformed('exp is missing or no whole number of seconds')
    if (exp > now + MAX_AHEAD_SECONDS) return malformed('exp lies more than 10 years ahead')
    const constraints: Record<string, unknown> = {}
    for (const name of ['jti', 'iat', 'nbf'] as const) {
      if (claims[name] === undefined) continue
      if (!readConstraint(constraints, name, claims[name], 'json')) {
        return malformed(`the claim ${name} has no valid value`)
      }
    }
    const { jti } = constraints as Constraints
    if (this.#options.oneTime && jti !== undefined) constraints['multi_use'] = false
    if (cdniip !== undefined) {
      const network = readAddress(decrypt(cdniip, keys, now) ?? '')
      if (!network) return malformed('cdniip is no JWE of an address that a key here opens')
      constraints['ip'] = [network]
    }
    // whom the link was made for is told where it can be read, and restricts nothing
    readConstraint(constraints, 'subject', decrypt(claims['sub'], keys, now), 'json')
    const covers = readContainer(claims['cdniuc'])
    if (!covers) return malformed('cdniuc is missing, unknown or no valid expression')
    const grant: Grant = {
      scheme: NAME,
      key,
      ...identify(key, jti, signedPart(token)),
      resource: {
        kind: 'pattern',
        text: `cdniuc ${String(claims['cdniuc'])}`,
        covers: (context) => {
          const uri = this.#uriOf(context)
          return uri !== undefined && covers(uri)
        },
      },
      validUntil: exp,
      constraints,
    }
    if (claims['cdnistt'] !== 1) return { outcome: 'granted', grant }
    const signer = key.signKey ? key : keys.signer(NAME, now)
    const renew: Grant['renew'] = (context) =>
      signer && context.now < exp ? this.#renew(claims, signer, context) : []
    return { outcome: 'granted', grant: { ...grant, renew } }
  }

  /** RFC 9246 section 3.2: the same claims with a new expiry, in a cookie. */
  #renew(claims: Claims, signer: Key, context: RequestContext): readonly string[] {
    if (!signer.signKey || (signer.issuer ?? claims['iss']) !== claims['iss']) return []
    const { now, target } = context
    const { iat, jti } = claims
    const seconds = Number(claims['cdniets'])
    const token = signJws(
      {
        ...claims,
        exp: now + seconds,
        ...(iat !== undefined && { iat: now }),
        // the same name keeps a withdrawn link withdrawn; one that counts as used needs another
        ...(jti !== undefined && this.#options.oneTime && { jti: newId() }),
      },
      signer,
      signer.signKey,
    )
    const { rawPath } = cutPackages(target, this.#options.package).target
    const path = cookiePath(normalisePath(rawPath) ?? '/', Number(claims['cdnistd'] ?? 0))
    return ['Set-Cookie', renewalCookie(this.#options.package, token, seconds, path, context.site)]
  }

  #uriOf({ site, target }: RequestContext): string | undefined {
    return normaliseUri(site, cutPackages(target, this.#options.package).target)
  }

  sign({ path, expiresAt, constraints, site }: LinkRequest, key: Key): SignedLink | Refusal {
    const { signKey } = key
    if (!signKey || isDecryptionKey(key)) {
      return refuse('link_key_unknown', 'the key has no half that signs')
    }
    const { multi_use, jti = multi_use === false ? newId() : undefined, ...times } = constraints
    if (multi_use && jti !== undefined) {
      return refuse('link_constraint_unsupported', 'multi_use: on this route an id is used once')
    }
    const isPrefix = path.endsWith('/*')
    const raw = isPrefix ? path.slice(0, -1) : path
    const uri = normaliseUri(site, { rawPath: raw, rawQuery: undefined })
    const container = uri && `regex:${escapeExtended(uri)}${isPrefix ? '.*' : ''}`
    if (container === undefined || !readContainer(container)) {
      return refuse('link_constraint_unsupported', 'path: it is too long for an expression')
    }
    const claims = {
      ...(key.issuer !== undefined && { iss: key.issuer }),
      ...(this.#options.audience !== undefined && { aud: this.#options.audience }),
      exp: expiresAt,
      ...times,
      ...(jti !== undefined && { jti }),
      cdniuc: container,
    }
    const parameter = `${this.#options.package}=${signJws(claims, key, signKey)}`
    // a segment in front stays there when a player resolves relative URLs
    return { target: isPrefix ? `/${parameter}${raw}` : `${path}?${parameter}` }
  }

  canonicalText({ text }: Carrier): string | undefined {
    return text.includes('.') ? signedPart(text) : undefined
  }
}

function hasPackage({ rawPath, rawQuery }: RequestContext['target'], name: string): boolean {
  return rawPath.includes(`${name}=`) || rawQuery?.includes(name) === true
}

function newId(): string {
  return randomBytes(12).toString('base64url')
}

/** The key that the token names, or all of its algorithm. */
function selectKeys({ alg, kid }: JwsHeader, keys: KeyRing, now: EpochSeconds): Key[] {
  if (kid === undefined) {
    return keys
      .all(NAME, now)
      .filter((key) => key.alg === alg && !isDecryptionKey(key))
      .slice(0, MAX_KEYS)
  }
  const key = keys.find(kid, NAME, now)
  return key?.alg === alg && !isDecryptionKey(key) ? [key] : []
}

function decrypt(claim: unknown, keys: KeyRing, now: EpochSeconds): string | undefined {
  return typeof claim === 'string' ? decryptJwe(claim, keys, NAME, now) : undefined
}

export const cdniUriSigning = defineScheme({
  name: NAME,
  algorithms: [
    ...(['ES256', 'ES384', 'ES512', 'HS256', 'HS384', 'HS512', 'RS256', 'PS256'] as const),
    ...ENCRYPTIONS,
    'dir',
  ],
  options: z.strictObject({
    package: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .default('URISigningPackage')
      .describe('Name of the parameter, path segment or cookie that holds the token.'),
    audience: z.string().min(1).optional().describe('Our name in the aud claim of tokens.'),
    requireIssuer: z.boolean().default(false).describe('Refuses tokens without an iss claim.'),
    oneTime: z.boolean().default(false).describe('A token with a jti opens one download.'),
  }),
  marks: ({ package: name }) => [`query ${name} jws`, `cookie ${name}`, `path ${name}`],
  create: (options) => new CdniUriSigning(options),
})
