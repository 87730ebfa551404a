import { isLookupName } from '../object-name.ts'
import type { RangeHint } from '../origin.ts'
import { formatRange } from './content-range.ts'

/** Unreserved characters, sub-delims, `:`, `@` (RFC 3986 section 3.3) and the slash between segments. */
const PLAIN_PATH = /^[\w.~!$&'()*+,;=:@/-]*$/
/** What encodeURIComponent escapes although a segment may hold it. */
const OVER_ESCAPED = /%(?:24|26|2B|2C|3A|3B|3D|40)/g

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Fields that the gateway decides itself, per hop or per request. */
const OWN_FIELDS = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The name as a path, percent-encoded segment by segment; undefined for a name that no path can carry. */
export function encodePath(name: string): string | undefined {
  if (!isLookupName(name) || !name.isWellFormed()) return undefined
  if (PLAIN_PATH.test(name)) return name
  return name
    .split('/')
    .map((segment) => encodeURIComponent(segment).replace(OVER_ESCAPED, decodeURIComponent))
    .join('/')
}

/** What a request asks beyond its target. */
export interface RequestConditions {
  readonly range?: RangeHint | undefined
  /** A strong entity tag. */
  readonly ifMatch?: string | undefined
  /** A strong entity tag: with another version the whole object comes. */
  readonly ifRange?: string | undefined
}

/**
 * The fields that each request to one host carries. Configured ones are written as they are, `Host` and
 * `User-Agent` among them replace the gateway's. Throws `TypeError` for what is no field.
 */
export function fixedFields(host: string, configured: Readonly<Record<string, string>>): string {
  const fields = new Map([
    ['host', `Host: ${host}`],
    ['user-agent', 'User-Agent: sluice'],
  ])
  for (const [name, value] of Object.entries(configured)) {
    const key = name.toLowerCase()
    if (!TOKEN.test(name) || OWN_FIELDS.has(key))
      throw new TypeError(`origin header ${name} cannot be set`)
    // the value may be a credential and stays out of the message
    if (!FIELD_VALUE.test(value)) throw new TypeError(`origin header ${name} has an invalid value`)
    fields.set(key, `${name}: ${value}`)
  }
  return [...fields.values(), 'Accept-Encoding: identity\r\n'].join('\r\n')
}

/** A request head as Latin-1 text. */
export function requestText(
  method: 'GET' | 'HEAD',
  target: string,
  fields: string,
  { range, ifMatch, ifRange }: RequestConditions,
): string {
  const rangeLine = range ? `Range: ${formatRange(range)}\r\n` : ''
  const ifMatchLine = ifMatch === undefined ? '' : `If-Match: ${ifMatch}\r\n`
  const ifRangeLine = ifRange === undefined ? '' : `If-Range: ${ifRange}\r\n`
  return `${method} ${target} HTTP/1.1\r\n${fields}${rangeLine}${ifMatchLine}${ifRangeLine}\r\n`
}
