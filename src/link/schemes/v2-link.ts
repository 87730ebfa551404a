import { refuse, type Refusal } from '../../base/refusal.ts'
import type { Site } from '../../request/request-context.ts'
import type { RequestHeaders } from '../../request/request-headers.ts'
import { decodeQueryOctets } from '../octets.ts'
import { parameterIndex } from '../raw-query.ts'
import { isResponseParameter } from '../response-parameters.ts'
import { collapseSpaces, headerLines } from '../signed-headers.ts'
import { SIGNED_SUB_RESOURCES } from '../sub-resources.ts'

/** How a vendor writes version 2 of the signature that Amazon began. */
export interface V2Dialect {
  readonly name: string
  /** The parameter that names the key. */
  readonly keyParameter: string
  /** Headers of these names are signed: `x-amz-`. */
  readonly headerPrefix: string
  /** Sub-resources, headers of the answer and `x-amz-*` of the query are signed. */
  readonly signsQuery: boolean
  /** Runs of spaces in signed headers count as one. */
  readonly collapsesSpaces: boolean
  readonly signature: 'HMAC-SHA1' | 'RSA-SHA256'
}

/** Where the name of the bucket stands. */
export interface Addressing {
  /** Undefined: in the host where that is below the endpoint's domain, as the vendors tell. */
  readonly addressing?: 'path' | 'virtual-host' | undefined
  /** Buckets are the names below it; any other host is the name of its bucket. */
  readonly endpointDomain: string
}

/** What a link of version 2 says, before anything of it is proven. */
export interface V2Link {
  readonly keyId: string
  readonly expires: string
  readonly signature: string
  /** Parameters that the signature covers, decoded, as bytes; undefined is a name without `=`. */
  readonly signed: ReadonlyMap<string, string | undefined>
  /** `x-amz-*` of the query. */
  readonly headers: ReadonlyMap<string, string | undefined>
}

/** Reads the link of a query; undefined when it names no key. */
export function readV2Link(
  rawQuery: string | undefined,
  dialect: V2Dialect,
): V2Link | Refusal | undefined {
  const { keyParameter } = dialect
  if (rawQuery === undefined || parameterIndex(rawQuery, keyParameter) < 0) return undefined
  const all: Record<Role, Map<string, string | undefined>> = {
    field: new Map(),
    header: new Map(),
    signed: new Map(),
  }
  for (const pair of rawQuery.split('&')) {
    const equals = pair.indexOf('=')
    const sent = decodeQueryOctets(equals < 0 ? pair : pair.slice(0, equals))
    const role = sent === undefined ? undefined : roleOf(sent, dialect)
    // what is not signed is free, and nothing of it is read
    if (sent === undefined || role === undefined) continue
    const name = role === 'header' ? sent.toLowerCase() : sent
    const shown = role === 'header' ? dialect.headerPrefix : name
    if (all[role].has(name)) return refuse('link_malformed', `${shown} occurs twice`)
    const value = equals < 0 ? undefined : decodeQueryOctets(pair.slice(equals + 1))
    // a line break could make two texts of different links the same
    if (equals >= 0 && (value === undefined || LINE_BREAK.test(value))) {
      return refuse('link_malformed', `${shown} holds a broken octet`)
    }
    all[role].set(name, value)
  }
  const { field, header: headers, signed } = all
  const [keyId, expires, signature] = [keyParameter, 'Expires', 'Signature'].map((n) =>
    field.get(n),
  )
  if (!keyId || !expires || !signature) {
    return refuse('link_malformed', `${keyParameter}, Expires or Signature is missing`)
  }
  return { keyId, expires, signature, signed, headers }
}

type Role = 'field' | 'header' | 'signed'

const LINE_BREAK = /[\r\n]/

function roleOf(
  name: string,
  { keyParameter, headerPrefix, signsQuery }: V2Dialect,
): Role | undefined {
  if (name === keyParameter || name === 'Expires' || name === 'Signature') return 'field'
  if (!signsQuery) return undefined
  if (name.toLowerCase().startsWith(headerPrefix)) return 'header'
  return SIGNED_SUB_RESOURCES.has(name) || isResponseParameter(name) ? 'signed' : undefined
}

/** The request as version 2 signs it. */
export interface V2Parts {
  readonly method: string
  readonly site: Site
  readonly rawPath: string
  readonly headers: RequestHeaders
}

/** The text whose signature a link carries; undefined when a header stands in the query as well. */
export function stringToSignV2(
  link: Pick<V2Link, 'expires' | 'signed' | 'headers'>,
  { method, site, rawPath, headers }: V2Parts,
  { headerPrefix, collapsesSpaces }: V2Dialect,
  addressing: Addressing,
): string | undefined {
  const sent = headerLines(
    headers,
    (name) => name.startsWith(headerPrefix) || name === 'content-md5' || name === 'content-type',
  )
  const { 'content-md5': md5 = '', 'content-type': type = '', ...own } = Object.fromEntries(sent)
  if (Object.keys(own).some((name) => link.headers.has(name))) return undefined
  const lines = [...Object.entries(own), ...link.headers]
    .map(([name, value = '']) => [name, collapsesSpaces ? collapseSpaces(value) : value] as const)
    .sort(byName)
    .map(([name, value]) => `${name}:${value}`)
  const subResources = [...link.signed]
    .sort(byName)
    .map(([name, value]) => (value === undefined ? name : `${name}=${value}`))
    .join('&')
  const resource = bucketOf(site, addressing) + rawPath + (subResources && `?${subResources}`)
  return [method, md5, type, link.expires, ...lines, resource].join('\n')
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** `/bucket` where the host names it; a path names it itself. */
function bucketOf({ host }: Site, { addressing, endpointDomain }: Addressing): string {
  const name = host.replace(/:\d+$/, '')
  if (addressing === 'path' || name === endpointDomain) return ''
  if (name.endsWith(`.${endpointDomain}`)) return `/${name.slice(0, -endpointDomain.length - 1)}`
  return addressing === 'virtual-host' ? `/${name}` : ''
}
