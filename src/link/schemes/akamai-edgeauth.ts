import { equalBytes } from '../../base/bytes.ts'
import type { Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { cookieValues, headerValue } from '../../request/request-headers.ts'
import { defineScheme } from '../definition.ts'
import { hmac } from '../digest.ts'
import { type Grant, identify, type Resource } from '../grant.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, withoutFields } from '../link-fields.ts'
import { decodeOctets } from '../octets.ts'
import { rawParameters } from '../raw-query.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  type LinkRequest,
  malformed,
  refused,
  type Scheme,
  type SignedLink,
  type Trigger,
  type Verified,
} from '../scheme.ts'
import { isOpenedBy, readAcl } from './akamai-acl.ts'
import { type EdgeAuthOptions, options, PLACES } from './akamai-options.ts'
import { aclOf, fieldsOf } from './akamai-fields.ts'
import { type EdgeToken, escapings, readClaims, readingsOf, readToken } from './akamai-token.ts'
import { matchingKey } from './matching-key.ts'

const NAME = 'akamai-edgeauth'
const MAX_TOKEN = 4096

/**
 * Akamai's Auth Token 2.0, which Cloudinary uses too: `exp=E~acl=/videos/*~hmac=…` in a parameter,
 * cookie or header. With `acl` a token opens what its patterns cover; without, the one URL that was
 * hashed with it.
 */
export class AkamaiEdgeAuth implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[]
  readonly expresses = new Set(['jti', 'nbf', 'ip'] as const)
  readonly signsPrefixes = true
  readonly #options: EdgeAuthOptions

  constructor(given: EdgeAuthOptions) {
    this.#options = given
    this.triggers = PLACES.map((place) => ({
      place,
      name: place === 'header' ? given.tokenName.toLowerCase() : given.tokenName,
    }))
  }

  find({ target, headers }: RequestContext): Found {
    const { tokenName, location, ignoreQuery } = this.#options
    const carried: [Carrier['place'], string][] = []
    if (target.rawQuery?.includes(`${tokenName}=`)) {
      for (const { name, value } of rawParameters(target.rawQuery)) {
        if (name === tokenName) carried.push(['query', value])
      }
    }
    for (const value of cookieValues(headers.cookie, tokenName)) carried.push(['cookie', value])
    const field = headerValue(headers, tokenName.toLowerCase())
    if (field !== undefined) carried.push(['header', field])
    const [first] = carried
    if (!first) return ABSENT
    if (carried.length > 1) {
      return refused('link_ambiguous', 'the request carries several tokens')
    }
    const [place, token] = first
    if (location !== 'any' && location !== place) return ABSENT
    // a token with acl is verified once for all it opens, so the URL stays out of its carrier
    const query = ignoreQuery ? '' : this.#queryOf(target.rawQuery, place)
    const url = query === '' ? target.rawPath : `${target.rawPath}?${query}`
    const carrier = { place, text: this.#hasAcl(token) ? token : `${token}\n${url}` }
    // other formats have parameters of such names, too
    if (!/exp(?:=|%3d)/i.test(token)) return { outcome: 'found', carrier, isWeak: true }
    return { outcome: 'found', carrier }
  }

  verify({ text, place }: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const [sent = '', url] = text.split('\n')
    if (sent.length > MAX_TOKEN) return malformed(`the token is longer than ${MAX_TOKEN} bytes`)
    const { fieldDelimiter } = this.#options
    const tokens = readingsOf(sent).map((reading) => readToken(reading, fieldDelimiter))
    const candidates = tokens.flatMap((token) =>
      typeof token === 'string'
        ? []
        : this.#signedTexts(token, url).map((signed) => ({ token, signed })),
    )
    const [why] = tokens
    if (candidates.length === 0) return malformed(typeof why === 'string' ? why : 'no token')
    const find = (key: Key): (typeof candidates)[number] | undefined =>
      candidates.find(({ token, signed }) => equalBytes(this.#mac(key, signed), token.mac))
    const key = matchingKey(keys, NAME, context.now, (one) => find(one) !== undefined)
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    const match = find(key)
    return match
      ? this.#readGrant(match.token, match.signed, key, place, context)
      : refused('link_signature_wrong', 'the HMAC differs')
  }

  #readGrant(
    token: EdgeToken,
    signed: string,
    key: Key,
    place: Carrier['place'],
    context: RequestContext,
  ): Verified {
    const claims = readClaims(token, this.#options.escapeEarly, context.now)
    if (typeof claims === 'string') return malformed(claims)
    const resource = this.#resource(token, place, context)
    if (typeof resource === 'string') return malformed(resource)
    const { jti } = claims.constraints
    const grant: Grant = {
      scheme: NAME,
      key,
      ...identify(key, undefined, signed),
      // one session has many tokens: its id names them in records, but does not count them as one
      ...(jti !== undefined && { linkId: jti }),
      resource,
      ...claims,
    }
    return { outcome: 'granted', grant }
  }

  #resource(
    { fields: { acl } }: EdgeToken,
    place: Carrier['place'],
    { path }: RequestContext,
  ): Resource | string {
    if (acl === undefined) return { kind: 'exact', path }
    const { aclEscaped, aclDelimiter, ignoreQuery } = this.#options
    const octets = aclEscaped ? decodeOctets(acl) : acl
    if (octets === undefined) return 'acl holds a broken percent sequence'
    const entries = readAcl(octets, aclDelimiter)
    if (typeof entries === 'string') return entries
    return {
      kind: 'pattern',
      text: entries.join(' '),
      covers: (context) =>
        isOpenedBy(
          entries,
          context,
          ignoreQuery ? '' : this.#queryOf(context.target.rawQuery, place),
        ),
    }
  }

  sign({ path, expiresAt, constraints }: LinkRequest, key: Key): SignedLink | Refusal {
    const { tokenName, location, fieldDelimiter } = this.#options
    const isPrefix = path.endsWith('/*')
    const acl = isPrefix ? aclOf(path.slice(0, -1), this.#options) : undefined
    if (typeof acl === 'object') return acl
    const fields = fieldsOf(constraints, expiresAt, acl, this.#options)
    if ('reason' in fields) return fields
    const [signed = ''] = this.#signedTexts(
      { fields: { ...(acl && { acl }) }, signed: fields.text },
      path,
    )
    const mac = this.#mac(key, signed).toString('hex')
    const token = `${fields.text}${fieldDelimiter}hmac=${mac}`
    const target = isPrefix ? path.slice(0, -1) : path
    if (location === 'cookie') return { target, cookies: { [tokenName]: token } }
    if (location === 'header') return { target, headers: { [tokenName]: token } }
    return { target: `${target}?${tokenName}=${token}` }
  }

  canonicalText({ text }: Carrier): string | undefined {
    const [sent = '', url] = text.split('\n')
    const { fieldDelimiter, salt } = this.#options
    for (const reading of readingsOf(sent)) {
      const token = readToken(reading, fieldDelimiter)
      if (typeof token === 'string') continue
      const [signed = ''] = this.#signedTexts(token, url)
      return salt === undefined ? signed : `${signed}${fieldDelimiter}salt=…`
    }
    return undefined
  }

  /** What may have been hashed, without the salt: signers differ on how they escape a URL. */
  #signedTexts(
    { fields, signed }: Pick<EdgeToken, 'fields' | 'signed'>,
    url: string | undefined,
  ): string[] {
    if (fields.acl !== undefined) return [signed]
    if (url === undefined) return []
    const { escapeEarly: isEscaped, fieldDelimiter } = this.#options
    const urls = isEscaped
      ? [decodeOctets(url), url].flatMap((form) => (form === undefined ? [] : escapings(form)))
      : [url]
    return [...new Set(urls)].map((written) => `${signed}${fieldDelimiter}url=${written}`)
  }

  #mac(key: Key, signed: string): Buffer {
    const { algorithm, fieldDelimiter, salt } = this.#options
    const end =
      salt === undefined ? '' : `${fieldDelimiter}salt=${Buffer.from(salt).toString('latin1')}`
    return hmac(key, algorithm, signed + end)
  }

  #hasAcl(token: string): boolean {
    const { fieldDelimiter } = this.#options
    return readingsOf(token).some((reading) =>
      `${fieldDelimiter}${reading}`.includes(`${fieldDelimiter}acl=`),
    )
  }

  #queryOf(rawQuery: string | undefined, place: Carrier['place']): string {
    if (rawQuery === undefined) return ''
    return place === 'query' ? withoutFields(rawQuery, [this.#options.tokenName]) : rawQuery
  }
}

export const akamaiEdgeAuth = defineScheme({
  name: NAME,
  algorithms: ['HS256', 'HS1', 'MD5'],
  options,
  marks: ({ tokenName }) => PLACES.map((place) => `${place} ${tokenName}`),
  create: (given) => new AkamaiEdgeAuth(given),
})
