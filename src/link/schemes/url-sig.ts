import { decodeBase64 } from '../../base/bytes.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { isHostilePath } from '../hostile-path.ts'
import { type Fields, isRefusal, readFields } from '../link-fields.ts'
import { parameterIndex, rawParameters } from '../raw-query.ts'

const NAMES = ['C', 'E', 'A', 'K', 'P', 'S'] as const

export type UrlSigFields = Fields<(typeof NAMES)[number]>

/** Base64url that begins with `;E=` or another of the fields; shorter ones cannot hold a signature. */
const TOKEN = /^O(?:0[EMUs]|1[AM])9[\w-]{38,}={0,2}$/
const MAX_SEGMENTS = 64
/** As many flags as the plugin reads. */
export const MAX_FLAGS = 32

/** How url_sig is set up. */
export interface UrlSigOptions {
  /** The name of the path parameter that holds the token, as sig_anchor; null: a segment of its own. */
  readonly sigAnchor: string | null
  readonly isIgnored: (parameter: string) => boolean
}

/** A signature as a request carries it. What is signed is `parts + tail`. */
export interface UrlSig {
  readonly place: 'query' | 'path'
  /** Host and segments that the flags choose, joined by slashes. */
  readonly parts: string
  /** The parameters from `?` or `;` up to and including `S=`, as sent. */
  readonly tail: string
  readonly signature: string
}

/** The token of a path and what lies around it. */
interface PathToken {
  /** The decoded parameters: `;E=…;A=…;K=…;P=…;S=…`; undefined when it is broken. */
  readonly text: string | undefined
  /** What stands before the token: only this can be signed. */
  readonly signedPath: string
  readonly objectPath: string
}

/** The signature of a request; undefined where it carries none. */
export function readUrlSig(
  { target, site }: RequestContext,
  options: UrlSigOptions,
): UrlSig | Refusal | undefined {
  const token = cutToken(target.rawPath, options.sigAnchor)
  const query = readQuery(target.rawQuery, options)
  if (token && query) return refuse('link_ambiguous', 'links of url_sig in the query and the path')
  const carried = token ? readToken(token) : query
  if (!carried || 'reason' in carried) return carried
  const { fields, ...rest } = carried
  const flags = fields.P ?? ''
  if (!isFlags(flags)) return refuse('link_malformed', 'P is no row of 0 and 1')
  if (!(rest.place === 'query' && signsWholePath(flags)) && isHostilePath(target.rawPath)) {
    return refuse('link_malformed', 'the path could leave the parts that are signed')
  }
  const parts = signedParts(site.host, token?.signedPath ?? target.rawPath, flags)
  return parts === '' ? refuse('link_malformed', 'P signs no part of the URL') : { ...rest, parts }
}

/** The fields of a tail, with S empty. */
export function fieldsOf({ place, tail }: Pick<UrlSig, 'place' | 'tail'>): UrlSigFields | Refusal {
  const bare = tail.slice(1)
  return readFields(rawParameters(place === 'path' ? bare.replaceAll(';', '&') : bare), NAMES)
}

/** The path of the object behind a token in the path; undefined where there is none. */
export function objectPath(rawPath: string, anchor: string | null): string | undefined {
  return cutToken(rawPath, anchor)?.objectPath
}

/** Whether the flags choose every segment, however many there are. */
export function signsWholePath(flags: string): boolean {
  return !flags.slice(1).includes('0') && flags.endsWith('1')
}

/** Host and segments that flags choose; the last flag goes for all that follow. Empty segments do not count. */
export function signedParts(host: string, rawPath: string, flags: string): string {
  return [host, ...rawPath.split('/').filter((segment) => segment !== '')]
    .filter((_, i) => flags[Math.min(i, flags.length - 1)] === '1')
    .join('/')
}

function isFlags(text: string): boolean {
  return text.length <= MAX_FLAGS && /^[01]+$/.test(text)
}

type Carried = Omit<UrlSig, 'parts'> & { readonly fields: UrlSigFields }

function readQuery(
  rawQuery: string | undefined,
  { isIgnored }: UrlSigOptions,
): Carried | Refusal | undefined {
  const at = rawQuery === undefined ? -1 : parameterIndex(rawQuery, 'S')
  if (rawQuery === undefined || at < 0 || parameterIndex(rawQuery, 'K') < 0) return undefined
  const fields = readFields(rawParameters(rawQuery), NAMES)
  if (isRefusal(fields)) return fields
  const signature = fields.S ?? ''
  const end = at + 'S='.length
  // `&` and what follows it; empty when S is the end
  const [, ...following] = rawQuery.slice(end + signature.length).split('&')
  if (!following.every((pair) => isIgnored(pair.split('=', 1)[0] ?? ''))) {
    return refuse('link_malformed', 'more than ignored parameters follows S')
  }
  return { place: 'query', tail: `?${rawQuery.slice(0, end)}`, signature, fields }
}

function readToken({ text }: PathToken): Carried | Refusal {
  if (text === undefined) return refuse('link_malformed', 'the token in the path is broken')
  const at = text.lastIndexOf(';S=') + ';S='.length
  const tail = text.slice(0, at)
  const signature = text.slice(at)
  const fields = fieldsOf({ place: 'path', tail })
  if (isRefusal(fields)) return fields
  return { place: 'path', tail, signature, fields }
}

/**
 * Finds the token of a path: in the parameter that `anchor` names, on any segment, or in the segment
 * before the last one. With the anchor everything below its segment is open, as manifests need it.
 */
function cutToken(rawPath: string, anchor: string | null): PathToken | undefined {
  // every token begins with this letter; most paths have no such place
  if (!rawPath.includes('/O') && !rawPath.includes('=O')) return undefined
  const segments = rawPath.split('/').slice(1)
  if (segments.length > MAX_SEGMENTS) return undefined
  const mark = `;${anchor}=`
  const anchored = anchor === null ? -1 : segments.findIndex((segment) => segment.includes(mark))
  if (anchored >= 0) {
    const [name = '', token = ''] = (segments[anchored] ?? '').split(mark, 2)
    return pathToken(token, [...segments.slice(0, anchored), name], segments.slice(anchored + 1))
  }
  const token = segments.at(-2)
  return token === undefined
    ? undefined
    : pathToken(token, segments.slice(0, -2), segments.slice(-1))
}

function pathToken(
  token: string,
  before: readonly string[],
  behind: readonly string[],
): PathToken | undefined {
  if (!TOKEN.test(token)) return undefined
  const text = decodeBase64(token, 'base64url')?.toString('latin1') ?? ''
  const isWhole = /^;[\w.:;=]+$/.test(text) && text.includes(';S=')
  return {
    text: isWhole ? text : undefined,
    signedPath: before.map((segment) => `/${segment}`).join(''),
    objectPath: [...before, ...behind].map((segment) => `/${segment}`).join(''),
  }
}
