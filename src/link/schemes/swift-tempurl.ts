import { z } from 'zod'
import { decodeBase64, decodeHex, equalBytes } from '../../base/bytes.ts'
import { formatNetwork, parseNetwork } from '../../base/address.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { type ConstraintName, type Constraints, readConstraint } from '../constraints.ts'
import { defineScheme } from '../definition.ts'
import { type DigestName, hmac } from '../digest.ts'
import { identify, type Resource } from '../grant.ts'
import { isHostilePath } from '../hostile-path.ts'
import type { Key, KeyRing } from '../key-ring.ts'
import { type Fields, isRefusal, parametersOf, parseExpiry, readFields } from '../link-fields.ts'
import { decodeValue, parameterIndex } from '../raw-query.ts'
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
import { parseUtcTime } from '../utc-time.ts'
import { matchingKey } from './matching-key.ts'

const NAME = 'swift-tempurl'
const FIELDS = [
  'temp_url_sig',
  'temp_url_expires',
  'temp_url_prefix',
  'temp_url_ip_range',
  'filename',
  'inline',
] as const
/** A HEAD is served where the link is for one of these (Swift's own middleware does so). */
const METHODS_FOR_HEAD = ['HEAD', 'GET', 'PUT']

const DIGESTS = { sha1: 20, sha256: 32, sha512: 64 } as const
type SwiftDigest = keyof typeof DIGESTS

/** The digest of links by the `alg` of their key. */
const DIGEST_OF_KEY: Readonly<Record<string, SwiftDigest>> = {
  HS256: 'sha256',
  HS512: 'sha512',
  HS1: 'sha1',
}

export interface SwiftTempUrlOptions {
  readonly allowedDigests?: readonly SwiftDigest[] | undefined
}

interface TempUrl {
  readonly fields: Fields<(typeof FIELDS)[number]>
  /** Decoded `/v1/<account>/<container>/<object or prefix>`, as it is signed. */
  readonly signedPath: string
  readonly opens: Resource
}

/**
 * TempURL of OpenStack Swift: `temp_url_sig` = HMAC(key, [ip=RANGE] METHOD, expiry and the decoded path,
 * each on a line).
 */
export class SwiftTempUrl implements Scheme {
  readonly name = NAME
  readonly triggers: readonly Trigger[] = [{ place: 'query', name: 'temp_url_sig' }]
  readonly expresses: ReadonlySet<ConstraintName> = new Set(['ip'])
  readonly signsPrefixes = true
  readonly signsMethod = true
  readonly #allowed: readonly SwiftDigest[]

  constructor({ allowedDigests = ['sha256', 'sha512'] }: SwiftTempUrlOptions = {}) {
    this.#allowed = allowedDigests
  }

  find(context: RequestContext): Found {
    const { rawQuery = '' } = context.target
    if (parameterIndex(rawQuery, 'temp_url_sig') < 0) return ABSENT
    const url = readTempUrl(context)
    if (isRefusal(url)) return { outcome: 'refused', refusal: url }
    return found('query', `${context.method}\n${url.signedPath}\n${rawQuery}`)
  }

  verify(_carrier: Carrier, keys: KeyRing, context: RequestContext): Verified {
    const { now, method } = context
    const url = readTempUrl(context)
    if (isRefusal(url)) return { outcome: 'refused', refusal: url }
    const { fields } = url
    const signature = readSignature(fields.temp_url_sig ?? '')
    if (!signature) return malformed('temp_url_sig is no digest of Swift')
    if (!this.#allowed.includes(signature.digest)) {
      return malformed(`signatures by ${signature.digest} are not allowed`)
    }
    if (method !== 'GET' && method !== 'HEAD') {
      return refused('method_not_allowed', 'links open GET and HEAD')
    }
    const validUntil = readExpiry(fields.temp_url_expires, now)
    if (typeof validUntil !== 'number') return { outcome: 'refused', refusal: validUntil }
    const methods = method === 'HEAD' ? METHODS_FOR_HEAD : [method]
    let signed = ''
    const key = matchingKey(keys, NAME, now, (secret) =>
      methods.some((name) => {
        signed = textOf(name, validUntil, url)
        return equalBytes(sign(secret, signature.digest, signed), signature.bytes)
      }),
    )
    if (isRefusal(key)) return { outcome: 'refused', refusal: key }
    const constraints = readConstraints(fields)
    if (isRefusal(constraints)) return { outcome: 'refused', refusal: constraints }
    const grant = {
      scheme: NAME,
      key,
      ...identify(key, undefined, signed),
      resource: url.opens,
      validUntil,
      constraints,
    }
    return { outcome: 'granted', grant }
  }

  sign({ path, expiresAt, constraints }: LinkRequest, key: Key): SignedLink | Refusal {
    const unsupported = (detail: string): Refusal => refuse('link_constraint_unsupported', detail)
    const digest = DIGEST_OF_KEY[key.alg]
    if (digest === undefined || !this.#allowed.includes(digest)) {
      return unsupported(`scheme: the digest of the key ${key.kid} is not among allowedDigests`)
    }
    const { ip } = constraints
    const [network] = ip ?? []
    if (ip && ip.length !== 1) return unsupported('ip: one address or network')
    const isPrefix = path.endsWith('/*')
    const object = isPrefix ? path.slice(0, -1) : path
    const name = objectName(object)
    if (!name) return unsupported('path: expected /v1/ACCOUNT/CONTAINER/OBJECT')
    const fields = {
      ...(isPrefix && { temp_url_prefix: encodeURIComponent(name.object) }),
      ...(network && { temp_url_ip_range: encodeURIComponent(formatNetwork(network)) }),
    }
    const signedPath = `${name.container}${name.object}`
    const bytes = sign(key, digest, textOf('GET', expiresAt, { fields, signedPath }))
    const query = Object.entries({
      temp_url_sig:
        digest === 'sha512' ? `sha512:${bytes.toString('base64url')}` : bytes.toString('hex'),
      temp_url_expires: String(expiresAt),
      ...fields,
    }).map(([field, value]) => `${field}=${value}`)
    return { target: `${object}?${query.join('&')}` }
  }

  canonicalText(_carrier: Carrier, context: RequestContext): string | undefined {
    const url = readTempUrl(context)
    if (isRefusal(url)) return undefined
    const expires = readExpiry(url.fields.temp_url_expires, context.now)
    return typeof expires === 'number' ? textOf(context.method, expires, url) : undefined
  }
}

function readTempUrl({ target, path }: RequestContext): TempUrl | Refusal {
  const fields = readFields(parametersOf(target.rawQuery), FIELDS)
  if (isRefusal(fields)) return fields
  const name = objectName(target.rawPath)
  if (!name) return refuse('link_malformed', 'the path is not /v1/ACCOUNT/CONTAINER/OBJECT')
  const { container, object } = name
  const signed = fields.temp_url_prefix
  if (signed === undefined) {
    return { fields, signedPath: `${container}${object}`, opens: { kind: 'exact', path } }
  }
  const prefix = decodeValue(signed)
  if (isHostilePath(target.rawPath)) {
    return refuse('link_malformed', 'the path could leave the prefix')
  }
  if (prefix === undefined || hasControl(prefix)) {
    return refuse('link_malformed', 'temp_url_prefix is no text of one line')
  }
  const signedPath = `${container}${prefix}`
  return { fields, signedPath, opens: { kind: 'prefix', path: signedPath } }
}

/** Decoded `/v1/<account>/<container>/`, and what follows it. */
function objectName(
  rawPath: string,
): { readonly container: string; readonly object: string } | undefined {
  let path: string
  try {
    path = decodeURIComponent(rawPath)
  } catch {
    return undefined
  }
  const parts = /^(\/v1\/[^/]+\/[^/]+\/)(.*)$/s.exec(path)
  if (!parts || hasControl(path)) return undefined
  return { container: parts[1] ?? '', object: parts[2] ?? '' }
}

/** What could add a line to the signed text. */
function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

function textOf(
  method: string,
  expires: EpochSeconds,
  { fields, signedPath }: Pick<TempUrl, 'fields' | 'signedPath'>,
): string {
  const range = fields.temp_url_ip_range
  const lines = [
    ...(range === undefined ? [] : [`ip=${decodeValue(range) ?? ''}`]),
    method,
    String(expires),
    `${fields.temp_url_prefix === undefined ? '' : 'prefix:'}${signedPath}`,
  ]
  return lines.join('\n')
}

/** Hex, whose length tells the digest, or `<digest>:<base64>`. */
function readSignature(
  raw: string,
): { readonly digest: SwiftDigest; readonly bytes: Buffer } | undefined {
  const text = raw.includes('%') ? decodeValue(raw) : raw
  if (text === undefined) return undefined
  const colon = text.indexOf(':')
  const named = colon < 0 ? undefined : text.slice(0, colon)
  const value = text.slice(colon + 1)
  const bytes =
    named === undefined
      ? decodeHex(value)
      : decodeBase64(value, /[+/]/.test(value) ? 'base64' : 'base64url')
  for (const digest of Object.keys(DIGESTS) as SwiftDigest[]) {
    if (bytes?.length === DIGESTS[digest] && digest === (named ?? digest)) return { digest, bytes }
  }
  return undefined
}

function readExpiry(raw: string | undefined, now: EpochSeconds): EpochSeconds | Refusal {
  const text = raw === undefined ? undefined : decodeValue(raw)
  // of the forms of ISO 8601 Swift knows the full one alone
  const iso = text?.length === '2026-01-31T12:00:00Z'.length ? parseUtcTime(text) : undefined
  return parseExpiry(iso === undefined ? text : String(iso), now)
}

function readConstraints(fields: TempUrl['fields']): Constraints | Refusal {
  const { temp_url_ip_range: range, filename, inline } = fields
  const constraints: Record<string, unknown> = {}
  if (range !== undefined) {
    const network = parseNetwork(decodeValue(range) ?? '')
    if (!network) return refuse('link_malformed', 'temp_url_ip_range is no address or network')
    constraints['ip'] = [network]
  }
  // anybody may add these two, so they never decide: a text that is no name leaves the file its own
  const name = filename === undefined ? undefined : decodeValue(filename)
  if (name !== undefined) readConstraint(constraints, 'filename', name, 'text')
  if (inline !== undefined) constraints['streaming'] = true
  return constraints
}

function sign(key: Key, digest: DigestName, text: string): Buffer {
  return hmac(key, digest, Buffer.from(text))
}

export const swiftTempUrl = defineScheme({
  name: NAME,
  algorithms: ['HS256', 'HS512', 'HS1'],
  options: z.strictObject({
    allowedDigests: z
      .array(z.enum(['sha1', 'sha256', 'sha512']))
      .min(1)
      .default(['sha256', 'sha512'])
      .describe('Digests that signatures may use.'),
  }),
  marks: () => ['query temp_url_sig'],
  create: (options) => new SwiftTempUrl(options),
})
