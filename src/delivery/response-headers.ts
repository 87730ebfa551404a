import mime from 'mime-types'
import type { ObjectMeta } from '../origin/origin.ts'
import { formatHttpDate } from './http-date.ts'
import { rememberRecent } from './recent-values.ts'

/** The Cache-Control of what no cache may keep. */
export const PRIVATE = 'private, no-store'

export type Disposition = 'inline' | 'attachment'

const MAX_REMEMBERED_NAME = 256
const MAX_EXTENSION = 12
const UNKNOWN_TYPE = 'application/octet-stream'

// separators, control characters, and the bidirectional marks that make "gpj.exe" read as "exe.jpg"
const NOT_IN_A_FILENAME = /[/\\\p{Cc}\p{Bidi_C}]/gu
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/
const ONLY_DOTS = /^\.*$/

/**
 * The Content-Disposition of a download (RFC 6266). A filename in ASCII gives `filename="…"` alone,
 * always quoted; any other the pair of an ASCII fallback and `filename*` (RFC 8187). Path separators
 * and control characters are left out; a name of which nothing is left is not sent.
 */
export function contentDisposition(disposition: Disposition, filename: string): string {
  const parameters =
    filename.length > MAX_REMEMBERED_NAME ? formatFilename(filename) : rememberedFilename(filename)
  return disposition + parameters
}

const rememberedFilename = rememberRecent(512, formatFilename)

function formatFilename(filename: string): string {
  const name = filename.toWellFormed().replace(NOT_IN_A_FILENAME, '')
  if (ONLY_DOTS.test(name)) return ''
  if (PRINTABLE_ASCII.test(name)) return `; filename=${quote(name)}`
  return `; filename=${quote(asciiFallback(name))}; filename*=${encodeExtended(name)}`
}

/** `Käse 😀.mp4` becomes `Kase _.mp4`. NFD, since NFKD makes slashes out of other characters. */
function asciiFallback(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]/gu, '_')
}

/** The value of `filename*` (RFC 8187 section 3.2.1): encodeURIComponent leaves five that are no attr-char. */
function encodeExtended(text: string): string {
  const encoded = encodeURIComponent(text).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `UTF-8''${encoded}`
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`
}

/** The media type by the extension of a name or path; text is taken for UTF-8. */
export function contentTypeFor(name: string): string {
  const dot = name.lastIndexOf('.')
  if (dot <= name.lastIndexOf('/') + 1) return UNKNOWN_TYPE
  const length = name.length - dot - 1
  if (length === 0 || length > MAX_EXTENSION) return UNKNOWN_TYPE
  return typeOfExtension(name.slice(dot + 1))
}

const typeOfExtension = rememberRecent(256, (extension: string) => {
  const type = mime.lookup(extension)
  if (type === false) return UNKNOWN_TYPE
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
})

/**
 * The headers of a 200 or 206 (RFC 9110 sections 8 and 14.3) but for Content-Length
 * and Content-Range, as name, value, name, value for `writeHead`. `contentType` is that of the response:
 * the object's, or multipart/byteranges. The array is the caller's to extend.
 */
export function objectHeaders(
  meta: ObjectMeta,
  contentType: string,
  disposition: string,
  cacheControl = PRIVATE,
): string[] {
  const headers = validatorHeaders(meta, cacheControl)
  headers.push(
    'Accept-Ranges',
    meta.size === undefined ? 'none' : 'bytes',
    'Content-Type',
    contentType,
    'Content-Disposition',
    disposition,
  )
  if (meta.contentEncoding !== undefined) headers.push('Content-Encoding', meta.contentEncoding)
  if (meta.contentLanguage !== undefined) headers.push('Content-Language', meta.contentLanguage)
  return headers
}

/** The headers of a 304 (RFC 9110 section 15.4.5): validators and those that guard the link. */
export function validatorHeaders(meta: ObjectMeta, cacheControl = PRIVATE): string[] {
  const headers = [
    'Cache-Control',
    cacheControl,
    'Referrer-Policy',
    'no-referrer',
    'X-Content-Type-Options',
    'nosniff',
  ]
  if (meta.etag !== undefined) headers.push('ETag', meta.etag)
  if (meta.lastModified !== undefined) {
    headers.push('Last-Modified', formatHttpDate(meta.lastModified))
  }
  return headers
}

const EXPOSED = [
  'Access-Control-Expose-Headers',
  'Content-Length, Content-Range, Content-Disposition, Accept-Ranges, ETag, Last-Modified, Retry-After, X-Request-Id',
]
const PREFLIGHT = [
  'Access-Control-Allow-Methods',
  'GET, HEAD',
  'Access-Control-Allow-Headers',
  'Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, Authorization',
  'Access-Control-Max-Age',
  '86400',
]
const ANY_ORIGIN = ['Access-Control-Allow-Origin', '*']
const ANY_ORIGIN_CORS = [...ANY_ORIGIN, ...EXPOSED]
const ANY_ORIGIN_PREFLIGHT = [...ANY_ORIGIN, ...PREFLIGHT]
const OTHER_ORIGIN = ['Vary', 'Origin']
const NO_CORS: readonly string[] = []

/**
 * The CORS headers of any answer but a preflight's, errors too (Fetch standard section 3.3): `allowed`
 * holds `*` or the origins that may read it with credentials; `origin` is the request's Origin field.
 */
export function corsHeaders(
  allowed: readonly string[],
  origin: string | undefined,
): readonly string[] {
  return forOrigin(allowed, origin, ANY_ORIGIN_CORS, EXPOSED)
}

/** The CORS headers that answer a preflight, an OPTIONS request (Fetch standard section 3.3). */
export function preflightHeaders(
  allowed: readonly string[],
  origin: string | undefined,
): readonly string[] {
  return forOrigin(allowed, origin, ANY_ORIGIN_PREFLIGHT, PREFLIGHT)
}

/** As `preflightHeaders`, for a call of an API: with its own methods, and with a body. */
export function callPreflightHeaders(
  allowed: readonly string[],
  origin: string | undefined,
  methods: readonly string[],
): readonly string[] {
  const preflight = PREFLIGHT.with(1, methods.join(', ')).with(3, `${PREFLIGHT[3]}, Content-Type`)
  return forOrigin(allowed, origin, [...ANY_ORIGIN, ...preflight], preflight)
}

function forOrigin(
  allowed: readonly string[],
  origin: string | undefined,
  forAny: readonly string[],
  forListed: readonly string[],
): readonly string[] {
  if (allowed.includes('*')) return forAny
  if (origin === undefined || allowed.length === 0) return NO_CORS
  if (!allowed.includes(origin)) return OTHER_ORIGIN
  return [
    'Access-Control-Allow-Origin',
    origin,
    'Access-Control-Allow-Credentials',
    'true',
    'Vary',
    'Origin',
    ...forListed,
  ]
}
