/**
 * The fields of one request, read in a single pass over the raw list. A field that decides something
 * and came twice is listed in `repeated`: intermediaries differ on which one counts.
 */
export interface RequestHeaders {
  host: string | undefined
  range: string | undefined
  ifRange: string | undefined
  ifMatch: string | undefined
  ifNoneMatch: string | undefined
  ifModifiedSince: string | undefined
  ifUnmodifiedSince: string | undefined
  authorization: string | undefined
  cookie: string | undefined
  origin: string | undefined
  referer: string | undefined
  accept: string | undefined
  userAgent: string | undefined
  purpose: string | undefined
  forwardedFor: string | undefined
  forwarded: string | undefined
  transferEncoding: string | undefined
  contentLength: string | undefined
  contentType: string | undefined
  requestMethod: string | undefined
  forwardedProto: string | undefined
  forwardedHost: string | undefined
  repeated: string | undefined
  /** Names and values in turn, as they came: for link formats with fields of their own. */
  raw: readonly string[]
}

type FieldName = Exclude<keyof RequestHeaders, 'raw'>

/** Fields whose lines are a list by definition (RFC 9110 section 5.3), with what joins them. */
const LISTS: ReadonlyMap<FieldName, string> = new Map([
  ['cookie', '; '],
  ['forwardedFor', ', '],
  ['forwarded', ', '],
  ['ifMatch', ', '],
  ['ifNoneMatch', ', '],
  ['accept', ', '],
  ['purpose', ', '],
  ['forwardedProto', ', '],
  ['forwardedHost', ', '],
])

const FIELDS: ReadonlyMap<string, FieldName> = new Map([
  ['host', 'host'],
  ['range', 'range'],
  ['if-range', 'ifRange'],
  ['if-match', 'ifMatch'],
  ['if-none-match', 'ifNoneMatch'],
  ['if-modified-since', 'ifModifiedSince'],
  ['if-unmodified-since', 'ifUnmodifiedSince'],
  ['authorization', 'authorization'],
  ['cookie', 'cookie'],
  ['origin', 'origin'],
  ['referer', 'referer'],
  ['accept', 'accept'],
  ['user-agent', 'userAgent'],
  ['purpose', 'purpose'],
  ['x-purpose', 'purpose'],
  ['x-moz', 'purpose'],
  ['sec-purpose', 'purpose'],
  ['x-forwarded-for', 'forwardedFor'],
  ['forwarded', 'forwarded'],
  ['transfer-encoding', 'transferEncoding'],
  ['content-length', 'contentLength'],
  ['content-type', 'contentType'],
  ['x-forwarded-proto', 'forwardedProto'],
  ['x-forwarded-host', 'forwardedHost'],
  ['access-control-request-method', 'requestMethod'],
])

/** Reads node's flat list of names and values. */
export function readHeaders(raw: readonly string[]): RequestHeaders {
  const headers: RequestHeaders = {
    host: undefined,
    range: undefined,
    ifRange: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
    authorization: undefined,
    cookie: undefined,
    origin: undefined,
    referer: undefined,
    accept: undefined,
    userAgent: undefined,
    purpose: undefined,
    forwardedFor: undefined,
    forwarded: undefined,
    transferEncoding: undefined,
    contentLength: undefined,
    contentType: undefined,
    requestMethod: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
    repeated: undefined,
    raw,
  }
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const field = FIELDS.get(name) ?? FIELDS.get(name.toLowerCase())
    if (!field) continue
    const value = raw[i + 1] ?? ''
    const before = headers[field]
    if (before === undefined) headers[field] = value
    else {
      const joint = LISTS.get(field)
      if (joint === undefined) headers.repeated ??= name.toLowerCase()
      else headers[field] = before + joint + value
    }
  }
  return headers
}

/** The value of any field by its lower-case name; several lines are joined with a comma. */
export function headerValue({ raw }: RequestHeaders, name: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const sent = raw[i] ?? ''
    if (sent.length !== name.length || sent.toLowerCase() !== name) continue
    value = value === undefined ? raw[i + 1] : `${value}, ${raw[i + 1]}`
  }
  return value
}

/** The values of one cookie name, in order (RFC 6265 section 4.2.1); quotes are kept as sent. */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name)
      values.push(pair.slice(equals + 1).trim())
  }
  return values
}

/** Whether the client says that nobody asked for these bytes yet (`Sec-Purpose: prefetch` and its elders). */
export function isPrefetch(headers: RequestHeaders): boolean {
  return (
    headers.purpose !== undefined && /\b(?:prefetch|preview|prerender)\b/i.test(headers.purpose)
  )
}

/** Bots that fetch a pasted link to draw a preview of it. */
const PREVIEW_BOTS =
  /facebookexternalhit|facebot|twitterbot|slackbot|slack-imgproxy|discordbot|telegrambot|whatsapp|linkedinbot|skypeuripreview|microsoftpreview|teamsbot|pinterest|redditbot|applebot|googlebot|bingbot|bingpreview|yandexbot|embedly|iframely|vkshare|mastodon|outlook-?(?:safelinks|preview)|snapchat|viber|line-poker|google-pagerenderer|googleimageproxy|developers\.google\.com\/\+\/web\/snippet/i

export function isPreviewBot(headers: RequestHeaders): boolean {
  return headers.userAgent !== undefined && PREVIEW_BOTS.test(headers.userAgent)
}
