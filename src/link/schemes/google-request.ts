import { decodeBase64 } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { cookieValues } from '../../request/request-headers.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { identify, type Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parametersOf, parseExpiry, readFields } from '../link-fields.ts'
import {
  ABSENT,
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  refused,
  type SignedLink,
  type Verified,
} from '../scheme.ts'

/** How Cloud CDN and Media CDN differ in signed URLs and cookies. */
export interface RequestSigning {
  readonly scheme: string
  readonly signatureBytes: number
  /** Whether a key is of the type that signs. */
  isFit(key: Key): boolean
  sign(key: Key, text: string): Buffer | Refusal
  isSignedBy(key: Key, text: string, signature: Buffer): boolean
}

/** A signed request in each of its forms; what is signed ends before the separator of the signature. */
const FORMS = {
  url: /^(?<signed>.*[?&]Expires=(?<expires>[^&]*)&KeyName=(?<kid>[^&]*))&Signature=(?<signature>[^&]*)$/s,
  prefix:
    /^(?<signed>URLPrefix=(?<prefix>[^&]*)&Expires=(?<expires>[^&]*)&KeyName=(?<kid>[^&]*))&Signature=(?<signature>[^&]*)$/,
  cookie:
    /^(?<signed>URLPrefix=(?<prefix>[^:]*):Expires=(?<expires>[^:]*):KeyName=(?<kid>[^:]*)):Signature=(?<signature>[^:]*)$/,
  path: /^(?<signed>(?<base>.*\/)edge-cache-token=Expires=(?<expires>[^&/]*)&KeyName=(?<kid>[^&/]*))&Signature=(?<signature>[^&/]*)$/s,
}

const PREFIX_IN_QUERY =
  /(?:^|&)(URLPrefix=[^&]*&Expires=[^&]*&KeyName=[^&]*&Signature=[^&]*)(?=&|$)/

const MAX_COOKIE = 4096

/** The signed URL of a request; the four parameters of a prefix may stand among others. */
export function findInQuery({ site, target }: RequestContext): Found {
  const { rawPath, rawQuery } = target
  const parameters = parametersOf(rawQuery)
  if (!parameters.some(({ name }) => name === 'KeyName' || name === 'URLPrefix')) return ABSENT
  const fields = readFields(parameters, ['URLPrefix', 'Expires', 'KeyName', 'Signature'])
  if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
  if (fields.URLPrefix === undefined) {
    return found('query', `${site.scheme}://${site.host}${rawPath}?${rawQuery}`)
  }
  const text = PREFIX_IN_QUERY.exec(rawQuery ?? '')?.[1]
  if (text === undefined) {
    return malformed('URLPrefix, Expires, KeyName and Signature do not follow each other')
  }
  return found('query', text)
}

/** The signed cookie of a request. */
export function findInCookie({ headers }: RequestContext, name: string): Found {
  const [value, another] = cookieValues(headers.cookie, name)
  if (value === undefined) return ABSENT
  if (another !== undefined) return malformed(`the cookie ${name} occurs twice`)
  if (value.length > MAX_COOKIE) return malformed(`the cookie ${name} is too long`)
  return found('cookie', value)
}

/** The one link among several places, none, or a refusal. */
export function onlyOf(places: readonly Found[]): Found {
  const [first, another] = places.filter(({ outcome }) => outcome !== 'absent')
  if (!another) return first ?? ABSENT
  const refusal = refuse('link_ambiguous', 'the request carries several links')
  return { outcome: 'refused', refusal }
}

/** The exact text that is signed; undefined when the carrier has not the form. */
export function signedText(carrier: Carrier): string | undefined {
  return readRequest(carrier)?.['signed']
}

export function verifyRequest(
  signing: RequestSigning,
  carrier: Carrier,
  keys: KeyRing,
  context: RequestContext,
): Verified {
  const { signed = '', kid = '', ...said } = readRequest(carrier) ?? {}
  if (signed === '')
    return malformed('Expires, KeyName and Signature are not the last in this order')
  const signature = decodeBase64(said['signature'] ?? '', 'base64url')
  if (signature?.length !== signing.signatureBytes) {
    return malformed(`the Signature is no base64url of ${signing.signatureBytes} bytes`)
  }
  const key = keys.find(kid, signing.scheme, context.now)
  if (!key || !signing.isFit(key)) return refused('link_key_unknown', 'no such key')
  if (!signing.isSignedBy(key, signed, signature)) {
    return refused('link_signature_wrong', 'the signature does not hold')
  }
  const validUntil = parseExpiry(said['expires'], context.now)
  if (typeof validUntil !== 'number') return { outcome: 'refused', refusal: validUntil }
  const resource = resourceOf(said, context)
  if (!resource) return malformed('URLPrefix is no URL prefix with scheme and host')
  return {
    outcome: 'granted',
    grant: {
      scheme: signing.scheme,
      key,
      ...identify(key, undefined, signed),
      resource,
      validUntil,
      constraints: {},
    },
  }
}

/** A URL prefix as written in a link, base64url of its bytes. */
export function decodePrefix(text: string): Resource | undefined {
  const prefix = decodeBase64(text, 'base64url')?.toString('latin1')
  return prefix === undefined ? undefined : prefixResource(prefix)
}

/** A signed URL: of one object, or with the parameters that open a prefix. */
export function signUrl(
  signing: RequestSigning,
  { path, expiresAt, site }: LinkRequest,
  key: Key,
): SignedLink | Refusal {
  const isPrefix = path.endsWith('/*')
  const bare = isPrefix ? path.slice(0, -1) : path
  const url = `${site.scheme}://${site.host}${bare}`
  const said = `Expires=${expiresAt}&KeyName=${key.kid}`
  const query = isPrefix ? `URLPrefix=${encodeUrl(url)}&${said}` : said
  const signature = signing.sign(key, isPrefix ? query : `${url}?${query}`)
  if ('reason' in signature) return signature
  return { target: `${bare}?${query}&Signature=${padded(signature)}` }
}

/** A signed cookie, which opens a prefix. */
export function signCookie(
  signing: RequestSigning,
  { path, expiresAt, site }: LinkRequest,
  key: Key,
  cookieName: string,
): SignedLink | Refusal {
  if (!path.endsWith('/*')) {
    return refuse('link_constraint_unsupported', 'path: a cookie opens a prefix, which ends in /*')
  }
  const target = path.slice(0, -1)
  const prefix = encodeUrl(`${site.scheme}://${site.host}${target}`)
  const signed = `URLPrefix=${prefix}:Expires=${expiresAt}:KeyName=${key.kid}`
  const signature = signing.sign(key, signed)
  if ('reason' in signature) return signature
  return { target, cookies: { [cookieName]: `${signed}:Signature=${padded(signature)}` } }
}

/** A signed path component, behind which everything is open. */
export function signPath(
  signing: RequestSigning,
  { path, expiresAt, site }: LinkRequest,
  key: Key,
): SignedLink | Refusal {
  if (!path.endsWith('/*')) {
    return refuse(
      'link_constraint_unsupported',
      'path: a component opens a prefix, which ends in /*',
    )
  }
  const signed = `${path.slice(0, -1)}edge-cache-token=Expires=${expiresAt}&KeyName=${key.kid}`
  const signature = signing.sign(key, `${site.scheme}://${site.host}${signed}`)
  if ('reason' in signature) return signature
  return { target: `${signed}&Signature=${signature.toString('base64url')}/` }
}

function readRequest({ place, text }: Carrier): Record<string, string> | undefined {
  const form = place === 'query' ? (text.startsWith('URLPrefix=') ? 'prefix' : 'url') : place
  return form === 'header' ? undefined : FORMS[form].exec(text)?.groups
}

function resourceOf(
  { prefix, base }: Record<string, string>,
  context: RequestContext,
): Resource | undefined {
  if (prefix !== undefined) return decodePrefix(prefix)
  return base === undefined ? { kind: 'exact', path: context.path } : prefixResource(base)
}

/** Scheme and host are compared whole: as text, `https://cdn.example` would cover `https://cdn.example.org/`. */
function prefixResource(prefix: string): Resource | undefined {
  const parts = /^(https?):\/\/([^/?#]+)((?:\/[^?#]*)?)$/.exec(prefix)
  if (!parts) return undefined
  const [, scheme, host, path = ''] = parts
  return {
    kind: 'pattern',
    text: `${prefix}*`,
    covers: ({ site, target }) =>
      site.scheme === scheme &&
      site.host === host &&
      target.rawPath.startsWith(path) &&
      !isHostilePath(target.rawPath),
  }
}

function encodeUrl(url: string): string {
  return padded(Buffer.from(url, 'latin1'))
}

function padded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
