import { sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { formatNetwork, type Network, parseNetwork } from '../../base/address.ts'
import { decodeBase64, decodeHex, equalBytes } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import { headerValue } from '../../request/request-headers.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { type Constraints, parseCount, readConstraint } from '../constraints.ts'
import { bytesOf, hmac } from '../digest.ts'
import { matchesGlob } from '../glob.ts'
import { type Grant, identify, type Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { isRefusal, parseExpiry } from '../link-fields.ts'
import {
  type Carrier,
  type Found,
  found,
  type LinkRequest,
  malformed,
  type Verified,
} from '../scheme.ts'
import { decodePrefix } from './google-request.ts'

const SELECTORS = ['FullPath', 'PathGlobs', 'URLPrefix']
const RESTRICTIONS = ['Starts', 'Expires', 'SessionID', 'Data', 'Headers', 'IPRanges']
const SEALS = ['Signature', 'hmac']
const NAMES = new Set([...SELECTORS, ...RESTRICTIONS, ...SEALS])

const MAX_TOKEN = 4096
const MAX_ENTRIES = 16
const MAX_RANGES = 64
const MAX_KEYS = 16

type Fields = Readonly<Record<string, string>>

/**
 * The carrier of a token. Its text is the token and, behind a line feed, what was signed: the fields with
 * the request's own path and headers in the place of what the token only names.
 */
export function findToken(place: Carrier['place'], token: string, context: RequestContext): Found {
  if (token.length > MAX_TOKEN) return malformed('the token is too long')
  const fields = readToken(token)
  if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
  const signed: string[] = []
  for (const field of token.split('~').slice(0, -1)) {
    const text = signedField(field, context)
    if (typeof text !== 'string') return { outcome: 'refused', refusal: text }
    signed.push(text)
  }
  return found(place, `${token}\n${signed.join('~')}`)
}

/** The exact text that is signed. */
export function signedTokenText({ text }: Carrier): string {
  return text.slice(text.indexOf('\n') + 1)
}

export function verifyToken(
  scheme: string,
  carrier: Carrier,
  keys: KeyRing,
  context: RequestContext,
): Verified {
  const fields = readToken(carrier.text.slice(0, carrier.text.indexOf('\n')))
  if (isRefusal(fields)) return { outcome: 'refused', refusal: fields }
  const signed = signedTokenText(carrier)
  const key = signerOf(fields, signed, keys.all(scheme, context.now))
  if ('reason' in key) return { outcome: 'refused', refusal: key }
  const validUntil = parseExpiry(fields['Expires'], context.now)
  if (typeof validUntil !== 'number') return { outcome: 'refused', refusal: validUntil }
  const resource = resourceOf(fields, context)
  if (!resource) return malformed('PathGlobs or URLPrefix is not valid')
  const constraints = readConstraints(fields)
  if (!constraints) return malformed('Starts or IPRanges is not valid')
  const grant: Grant = {
    scheme,
    key,
    ...identify(key, constraints.jti, signed),
    resource,
    validUntil,
    constraints,
  }
  return { outcome: 'granted', grant }
}

/** A token for a new link, signed as the algorithm of the key says. */
export function signToken(
  { path, expiresAt, constraints, site }: LinkRequest,
  key: Key,
): string | Refusal {
  const { jti, nbf, ip } = constraints
  if (jti !== undefined && !/^[\w.:-]+$/.test(jti)) {
    return refuse('link_constraint_unsupported', 'jti: only letters, digits and . _ : - fit in')
  }
  if (FIELD_WITHIN.test(path)) {
    return refuse('link_constraint_unsupported', 'path: a part of it reads as a field of a token')
  }
  const isPrefix = path.endsWith('/*')
  const prefix = `${site.scheme}://${site.host}${path.slice(0, -1)}`
  const rest = [
    ...(nbf === undefined ? [] : [`Starts=${nbf}`]),
    `Expires=${expiresAt}`,
    ...(jti === undefined ? [] : [`SessionID=${jti}`]),
    ...(ip ? [`IPRanges=${bytesOf(ip.map(formatNetwork).join()).toString('base64url')}`] : []),
  ]
  const selector = isPrefix ? `URLPrefix=${bytesOf(prefix).toString('base64url')}` : 'FullPath'
  const signed = [isPrefix ? selector : `FullPath=${path}`, ...rest].join('~')
  const seal = sealOf(key, signed)
  if (typeof seal !== 'string') return seal
  const token = [selector, ...rest, seal].join('~')
  if (token.length <= MAX_TOKEN) return token
  return refuse('link_constraint_unsupported', 'path: the token would be too long')
}

/** The fields of a token by name: each once, one that selects objects, and the signature last. */
function readToken(token: string): Fields | Refusal {
  const fields: Record<string, string> = {}
  let last = ''
  for (const field of token.split('~')) {
    const equals = field.indexOf('=')
    last = equals < 0 ? field : field.slice(0, equals)
    if (!NAMES.has(last) || equals < 0 !== (last === 'FullPath')) {
      return refuse('link_malformed', 'the token has a field that is not known')
    }
    if (Object.hasOwn(fields, last)) {
      return refuse('link_malformed', `the token has the field ${last} twice`)
    }
    fields[last] = field.slice(equals + 1)
  }
  const has = (names: readonly string[]): string[] =>
    names.filter((name) => fields[name] !== undefined)
  if (has(SELECTORS).length !== 1) {
    return refuse('link_malformed', 'the token needs one of FullPath, PathGlobs and URLPrefix')
  }
  if (has(SEALS).length !== 1 || !SEALS.includes(last)) {
    return refuse('link_malformed', 'the token does not end in one Signature or hmac')
  }
  return fields
}

/** What of a text of the client could pass for a further field of the token. */
const FIELD_WITHIN = /~\w+=/
/** What of the value of a header could pass for a further header. */
const HEADER_WITHIN = /,[\w!#$%&'*+.^`|~-]+=/

function signedField(field: string, { target, headers }: RequestContext): string | Refusal {
  if (field === 'FullPath') {
    return FIELD_WITHIN.test(target.rawPath)
      ? refuse('link_malformed', 'a part of the path reads as a field of a token')
      : `FullPath=${target.rawPath}`
  }
  if (!field.startsWith('Headers=')) return field
  const names = field.slice('Headers='.length).split(',')
  if (names.length > MAX_ENTRIES) return refuse('link_malformed', 'the token names many headers')
  const pairs: string[] = []
  for (const name of names) {
    const value = headerValue(headers, name.toLowerCase())
    if (value === undefined) {
      return refuse('link_resource_mismatch', 'the request lacks a header that the token names')
    }
    // signed values stand side by side: one value must not read as the end of it and a field or header more
    if (FIELD_WITHIN.test(value) || HEADER_WITHIN.test(value)) {
      return refuse('link_malformed', 'the value of a header reads as a field of a token')
    }
    pairs.push(`${name}=${value}`)
  }
  return `Headers=${pairs.join(',')}`
}

/** A token names no key: those of the type of its signature are tried. */
function signerOf(fields: Fields, signed: string, ring: readonly Key[]): Key | Refusal {
  const isMac = fields['hmac'] !== undefined
  const seal = isMac
    ? decodeHex(fields['hmac'] ?? '')
    : decodeBase64(fields['Signature'] ?? '', 'base64url')
  const lengths = isMac ? [20, 32] : [64]
  if (!seal || !lengths.includes(seal.length)) {
    return refuse('link_malformed', 'the signature of the token has not its form')
  }
  const keys = ring.filter(isMac ? isSecret : isEd25519).slice(0, MAX_KEYS)
  if (keys.length === 0) return refuse('link_key_unknown', 'there is no key for such tokens')
  const holds = (key: Key): boolean =>
    isMac
      ? equalBytes(hmac(key, seal.length === 20 ? 'sha1' : 'sha256', signed), seal)
      : verifyBytes(null, bytesOf(signed), key.verifyKey, seal)
  return keys.find(holds) ?? refuse('link_signature_wrong', 'the signature does not hold')
}

function sealOf(key: Key, signed: string): string | Refusal {
  if (isSecret(key)) {
    return `hmac=${hmac(key, key.alg === 'HS1' ? 'sha1' : 'sha256', signed).toString('hex')}`
  }
  if (!isEd25519(key) || !key.signKey)
    return refuse('link_key_unknown', 'the key cannot sign tokens')
  return `Signature=${signBytes(null, bytesOf(signed), key.signKey).toString('base64url')}`
}

function isSecret({ verifyKey }: Key): boolean {
  return verifyKey.type === 'secret'
}

export function isEd25519({ verifyKey }: Key): boolean {
  return verifyKey.asymmetricKeyType === 'ed25519'
}

function resourceOf(fields: Fields, { path }: RequestContext): Resource | undefined {
  if (fields['FullPath'] !== undefined) return { kind: 'exact', path }
  if (fields['URLPrefix'] !== undefined) return decodePrefix(fields['URLPrefix'])
  const text = fields['PathGlobs'] ?? ''
  const globs = text.split(/[,!]/)
  if (globs.length > MAX_ENTRIES || globs.includes('')) return undefined
  return {
    kind: 'pattern',
    text,
    covers: ({ target: { rawPath } }) =>
      !isHostilePath(rawPath) && globs.some((glob) => matchesGlob(glob, rawPath)),
  }
}

function readConstraints({ Starts, SessionID, IPRanges }: Fields): Constraints | undefined {
  const constraints: { nbf?: number; ip?: readonly Network[] } = {}
  if (Starts !== undefined) {
    const nbf = parseCount(Starts)
    if (nbf === undefined) return undefined
    constraints.nbf = nbf
  }
  if (IPRanges !== undefined) {
    const ranges = decodeBase64(IPRanges, 'base64url')?.toString('latin1').split(',')
    if (!ranges || ranges.length > MAX_RANGES) return undefined
    // a range that cannot be read lets nobody in, and the others stand; Google's own example holds one
    constraints.ip = ranges.map(parseNetwork).filter((network) => network !== undefined)
  }
  // an id that is none in our sense is information only
  if (SessionID !== undefined) readConstraint(constraints, 'jti', SessionID, 'text')
  return constraints
}
