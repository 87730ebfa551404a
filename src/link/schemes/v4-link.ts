import { hash } from 'node:crypto'
import { basicTime } from '../../base/basic-time.ts'
import { decodeHex } from '../../base/bytes.ts'
import type { EpochSeconds } from '../../base/clock.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { parseCount } from '../constraints.ts'
import { bytesOf } from '../digest.ts'
import { decodeOctets, decodeQueryOctets, encodeOctets } from '../octets.ts'
import { parameterIndex, rawParameters } from '../raw-query.ts'
import { isResponseParameter } from '../response-parameters.ts'
import { collapseSpaces, headerLines } from '../signed-headers.ts'

/** S3 and Google take no link that lives longer. */
export const MAX_LIFETIME_SECONDS = 604_800
const MAX_SIGNED_HEADERS = 32
const FIELDS = [
  'Algorithm',
  'Credential',
  'Date',
  'Expires',
  'SignedHeaders',
  'Signature',
  'Security-Token',
  'Content-Sha256',
] as const

type Field = (typeof FIELDS)[number]
/** Name and value of a parameter or header, as bytes. */
export type Pair = readonly [name: string, octets: string]

/** What a link of version 4 says, before anything of it is proven. */
export interface V4Link {
  readonly algorithm: string
  readonly keyId: string
  /** `<date>/<region>/<service>/<terminator>`. */
  readonly scope: readonly [date: string, region: string, service: string, terminator: string]
  /** As written: `yyyymmddThhmmssZ`. */
  readonly timestamp: string
  readonly date: EpochSeconds
  readonly lifetime: number
  readonly signedHeaders: readonly string[]
  readonly signature: Buffer
  readonly sessionToken: string | undefined
  readonly payloadHash: string | undefined
  /** All of the query, decoded, but the signature. */
  readonly parameters: readonly Pair[]
}

/** Reads the link of a query by the prefix of its parameters (`X-Amz-`); undefined when there is none. */
export function readV4Link(
  rawQuery: string | undefined,
  prefix: string,
): V4Link | Refusal | undefined {
  if (rawQuery === undefined || !hasField(rawQuery, prefix)) return undefined
  const fields: { [F in Field]?: string } = {}
  const seen = new Set<string>()
  const parameters: Pair[] = []
  for (const { name, value } of rawParameters(rawQuery)) {
    const pair = [decodeQueryOctets(name), decodeQueryOctets(value)] as const
    if (!isPair(pair)) return refuse('link_malformed', 'the query holds a broken octet')
    const field = fieldOf(pair[0], prefix)
    if (field !== undefined || isResponseParameter(pair[0])) {
      if (seen.has(pair[0])) return refuse('link_malformed', `${pair[0]} occurs twice`)
      seen.add(pair[0])
    }
    if (field !== undefined) fields[field] = pair[1]
    if (field !== 'Signature') parameters.push(pair)
  }
  const link = readFields(fields)
  return typeof link === 'string'
    ? refuse('link_malformed', `${prefix}${link}`)
    : { ...link, parameters }
}

function hasField(rawQuery: string, prefix: string): boolean {
  return ['Signature', 'Credential', 'Algorithm'].some(
    (field) => parameterIndex(rawQuery, prefix + field) >= 0,
  )
}

function isPair(pair: readonly (string | undefined)[]): pair is Pair {
  return !pair.includes(undefined)
}

function fieldOf(name: string, prefix: string): Field | undefined {
  return FIELDS.find((field) => name === prefix + field)
}

/** The fields checked one by one, or the name of the one that is not well and why. */
function readFields(fields: { readonly [F in Field]?: string }):
  Omit<V4Link, 'parameters'> | string {
  const { Algorithm: algorithm = '', Date: timestamp = '', SignedHeaders = '' } = fields
  const [keyId = '', ...scope] = (fields.Credential ?? '').split('/')
  const [day = '', region = '', service = '', terminator = '', ...more] = scope
  if (keyId === '' || region === '' || terminator === '' || more.length > 0) {
    return 'Credential is not <key id>/<date>/<region>/<service>/<terminator>'
  }
  const date = readTimestamp(timestamp)
  if (date === undefined) return 'Date is not yyyymmddThhmmssZ'
  if (day !== timestamp.slice(0, 8)) return 'Credential is of another day than Date'
  const lifetime = parseCount(fields.Expires ?? '') ?? 0
  if (lifetime < 1 || lifetime > MAX_LIFETIME_SECONDS) {
    return `Expires is not 1 to ${MAX_LIFETIME_SECONDS} seconds`
  }
  const signedHeaders = SignedHeaders.split(';')
  if (
    !signedHeaders.includes('host') ||
    signedHeaders.some((name) => !/^[\x21-\x40\x5b-\x7e]+$/.test(name))
  ) {
    return 'SignedHeaders are not lower-case names with host among them'
  }
  if (
    signedHeaders.length > MAX_SIGNED_HEADERS ||
    new Set(signedHeaders).size < signedHeaders.length
  ) {
    return 'SignedHeaders names a header twice, or too many'
  }
  const signature = decodeHex(fields.Signature ?? '')
  if (!signature || signature.length === 0) return 'Signature is no lower-case hex'
  return {
    algorithm,
    keyId,
    scope: [day, region, service, terminator],
    timestamp,
    date,
    lifetime,
    signedHeaders,
    signature,
    sessionToken: fields['Security-Token'],
    payloadHash: fields['Content-Sha256'],
  }
}

function readTimestamp(text: string): EpochSeconds | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)?.slice(1).map(Number)
  if (!parts) return undefined
  const [year = 0, month = 0, ...others] = parts
  const date = Date.UTC(year, month - 1, ...(others as [number, number, number, number])) / 1000
  // a thirteenth month would count as the next January
  return basicTime(date) === text ? date : undefined
}

/** The parts of a canonical request. */
export interface CanonicalParts {
  readonly method: string
  /** Percent-encoded, as in the URL. */
  readonly rawPath: string
  readonly parameters: readonly Pair[]
  readonly headers: readonly Pair[]
  readonly payloadHash: string
}

/** The canonical request; undefined when the path holds a broken octet. */
export function canonicalRequest(parts: CanonicalParts): string | undefined {
  const { method, rawPath, headers, payloadHash } = parts
  const path = decodeOctets(rawPath)
  if (path === undefined) return undefined
  return [
    method,
    encodeOctets(path, '/'),
    canonicalQuery(parts.parameters),
    ...headers.map(([name, value]) => `${name}:${value}`),
    '',
    headers.map(([name]) => name).join(';'),
    payloadHash,
  ].join('\n')
}

/** Names and values encoded, sorted by both. */
export function canonicalQuery(parameters: readonly Pair[]): string {
  return parameters
    .map(([name, value]) => [encodeOctets(name), encodeOctets(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The text whose signature a link carries. */
export function stringToSign(
  { algorithm, timestamp, scope }: Pick<V4Link, 'algorithm' | 'timestamp' | 'scope'>,
  canonical: string,
): string {
  return [algorithm, timestamp, scope.join('/'), hash('sha256', bytesOf(canonical), 'hex')].join(
    '\n',
  )
}

/** The signed headers in their order; undefined when the request lacks one. */
export function signedHeaderValues(
  names: readonly string[],
  host: string,
  { headers }: RequestContext,
): Pair[] | undefined {
  const lines = headerLines(headers, (name) => names.includes(name))
  // the host is the one that clients call: what the request says of it is anybody's word
  lines.set('host', host)
  const pairs: Pair[] = []
  for (const name of names) {
    const value = lines.get(name)
    if (value === undefined) return undefined
    pairs.push([name, collapseSpaces(value)])
  }
  return pairs
}
