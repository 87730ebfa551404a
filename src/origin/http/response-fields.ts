import { GatewayError } from '../../base/failure.ts'

/** How the end of a body is found (RFC 9112 section 6.3), for a response that has one. */
export type Framing = 'length' | 'chunked' | 'close'

/** What the gateway uses of a response head. Field values are Latin-1 text without control characters but tab. */
export interface ResponseHead {
  readonly status: number
  readonly framing: Framing
  /** Bytes, when the field is there. */
  readonly contentLength: number | undefined
  /** The connection may serve another request. */
  readonly isPersistent: boolean
  /** `Keep-Alive: timeout=`, in seconds. */
  readonly keepAliveSeconds: number | undefined
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly contentLanguage: string | undefined
  readonly contentRange: string | undefined
  readonly contentDisposition: string | undefined
  readonly location: string | undefined
  /** `x-amz-bucket-region`, by which S3 says where a bucket lies. */
  readonly bucketRegion: string | undefined
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const DIGITS = /^\d{1,15}$/
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=(\d{1,6})(?:$|[,;\s])/i

const TAB = 9
const SPACE = 32

/**
 * The usual spellings of names, by their length and first byte: what is found here needs no look at its
 * characters, and no text of its own.
 */
const SPELLINGS = Array.from({ length: 20 * 128 }, (): Spelling[] => [])

type Spelling = readonly [spelling: string, name: string]

for (const name of [
  'Accept-Ranges',
  'Cache-Control',
  'Connection',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'Content-Length',
  'Content-Range',
  'Content-Type',
  'Date',
  'ETag',
  'Expires',
  'Keep-Alive',
  'Last-Modified',
  'Location',
  'Server',
  'Transfer-Encoding',
  'Vary',
]) {
  for (const spelling of [name, name.toLowerCase()]) {
    const place = placeOf(spelling.length, spelling.charCodeAt(0))
    SPELLINGS[place]?.push([spelling, name.toLowerCase()])
  }
}

function placeOf(length: number, first: number): number {
  return length * 128 + (first & 127)
}

/** The lower-case name that a text has at a place, if it is written as usual. */
function usualName(text: string, from: number, end: number): string | undefined {
  const candidates = SPELLINGS[placeOf(end - from, text.charCodeAt(from))]
  if (candidates) {
    for (const [spelling, name] of candidates) if (text.startsWith(spelling, from)) return name
  }
  return undefined
}

/** Whose values nobody asks for. */
const UNUSED: ReadonlySet<string> = new Set([
  'accept-ranges',
  'cache-control',
  'date',
  'expires',
  'server',
  'vary',
])

/** Collects the field lines of one response head and refuses what contradicts itself. */
export class FieldCollector {
  #contentLength: string | undefined
  #transferEncoding: string | undefined
  #connection: string | undefined
  #keepAlive: string | undefined
  #etag: string | undefined
  #lastModified: string | undefined
  #contentType: string | undefined
  #contentEncoding: string | undefined
  #contentLanguage: string | undefined
  #contentRange: string | undefined
  #contentDisposition: string | undefined
  #location: string | undefined
  #bucketRegion: string | undefined

  /** Takes `name: value` between two positions (RFC 9112 section 5). */
  addLine(text: string, from: number, end: number): void {
    const colon = text.indexOf(':', from)
    // a line that begins with a blank (obs-fold) and a blank before the colon fail as names
    if (colon < 0 || colon > end) throw malformed('field line')
    const usual = usualName(text, from, colon)
    if (usual !== undefined && UNUSED.has(usual)) return
    const name = usual ?? text.slice(from, colon)
    if (usual === undefined && !TOKEN.test(name)) throw malformed('field line')
    let first = colon + 1
    let last = end
    while (first < last && isBlank(text.charCodeAt(first))) first++
    while (last > first && isBlank(text.charCodeAt(last - 1))) last--
    this.#set(usual ?? name.toLowerCase(), text.slice(first, last))
  }

  #set(name: string, value: string): void {
    switch (name) {
      case 'content-length':
        this.#contentLength = only(this.#contentLength, value)
        break
      case 'transfer-encoding':
        this.#transferEncoding = list(this.#transferEncoding, value)
        break
      case 'connection':
        this.#connection = list(this.#connection, value)
        break
      case 'keep-alive':
        this.#keepAlive = list(this.#keepAlive, value)
        break
      case 'etag':
        this.#etag = only(this.#etag, value)
        break
      case 'last-modified':
        this.#lastModified = only(this.#lastModified, value)
        break
      case 'content-type':
        this.#contentType = only(this.#contentType, value)
        break
      case 'content-encoding':
        this.#contentEncoding = list(this.#contentEncoding, value)
        break
      case 'content-language':
        this.#contentLanguage = list(this.#contentLanguage, value)
        break
      case 'content-range':
        this.#contentRange = only(this.#contentRange, value)
        break
      case 'content-disposition':
        this.#contentDisposition ??= value
        break
      case 'location':
        this.#location = only(this.#location, value)
        break
      case 'x-amz-bucket-region':
        this.#bucketRegion ??= value
        break
    }
  }

  finish(status: number, isHttp11: boolean): ResponseHead {
    const contentLength = this.#contentLength
    if (contentLength !== undefined && !DIGITS.test(contentLength))
      throw malformed('Content-Length')
    return {
      status,
      framing: this.#framing(isHttp11),
      contentLength: contentLength === undefined ? undefined : Number(contentLength),
      isPersistent: this.#isPersistent(isHttp11),
      keepAliveSeconds: this.#keepAliveSeconds(),
      etag: this.#etag,
      lastModified: this.#lastModified,
      contentType: this.#contentType,
      contentEncoding: this.#contentEncoding,
      contentLanguage: this.#contentLanguage,
      contentRange: this.#contentRange,
      contentDisposition: this.#contentDisposition,
      location: this.#location,
      bucketRegion: this.#bucketRegion,
    }
  }

  /** RFC 9112 section 6.3; what section 6.1 calls a smuggling risk is refused. */
  #framing(isHttp11: boolean): Framing {
    if (this.#transferEncoding === undefined) {
      return this.#contentLength === undefined ? 'close' : 'length'
    }
    if (!isHttp11) throw malformed('Transfer-Encoding in HTTP/1.0')
    if (this.#contentLength !== undefined) throw malformed('Transfer-Encoding with Content-Length')
    if (this.#transferEncoding.toLowerCase() !== 'chunked') throw malformed('Transfer-Encoding')
    return 'chunked'
  }

  #isPersistent(isHttp11: boolean): boolean {
    if (this.#connection === undefined) return isHttp11
    if (this.#connection === 'keep-alive') return true
    const options = this.#connection.toLowerCase().split(/[\t ]*,[\t ]*/)
    return !options.includes('close') && (isHttp11 || options.includes('keep-alive'))
  }

  #keepAliveSeconds(): number | undefined {
    if (this.#keepAlive === undefined) return undefined
    const seconds = KEEP_ALIVE_TIMEOUT.exec(this.#keepAlive)?.[1]
    return seconds === undefined ? undefined : Number(seconds)
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

/** A field that has one value: a repetition must say the same. */
function only(known: string | undefined, value: string): string {
  if (known !== undefined && known !== value) throw malformed('two values for one field')
  return value
}

/** A field whose lines add up to one list (RFC 9110 section 5.3). */
function list(known: string | undefined, value: string): string {
  return known === undefined ? value : `${known}, ${value}`
}

/** The failure of an origin that does not speak HTTP/1.1 as it should. */
export function malformed(what: string): GatewayError {
  return new GatewayError('ERR_ORIGIN_RESPONSE', `malformed response from the origin: ${what}`)
}
