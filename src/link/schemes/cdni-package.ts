import { hash } from 'node:crypto'
import { decodeBase64Url, equalBytes } from '../../base/bytes.ts'
import type { RequestTarget } from '../../request/request-target.ts'
import { withoutFields } from '../link-fields.ts'
import { rawParameters } from '../raw-query.ts'
import { compileExtended } from './pattern.ts'

/** A request target with its packages taken out: what is left is the URI that was signed. */
export interface CutTarget {
  readonly tokens: readonly { readonly place: 'path' | 'query'; readonly token: string }[]
  readonly target: RequestTarget
}

/**
 * Takes the parameter `name=TOKEN` out of a target, wherever RFC 9246 lets it stand: in the query, as a
 * path segment, or as a path-style parameter behind `;`. Its delimiter goes with it.
 */
export function cutPackages({ rawPath, rawQuery }: RequestTarget, name: string): CutTarget {
  const tokens: CutTarget['tokens'][number][] = []
  let path = rawPath
  for (let at = packageIndex(path, name); at >= 0; at = packageIndex(path, name)) {
    const end = endOfPackage(path, at + 1)
    tokens.push({ place: 'path', token: path.slice(at + name.length + 2, end) })
    path = joinPath(path.slice(0, at), path.slice(end))
  }
  const values = rawParameters(rawQuery ?? '').filter((parameter) => parameter.name === name)
  if (values.length === 0) return { tokens, target: { rawPath: path, rawQuery } }
  for (const { value } of values) tokens.push({ place: 'query', token: value })
  const rest = withoutFields(rawQuery ?? '', [name])
  return { tokens, target: { rawPath: path, rawQuery: rest === '' ? undefined : rest } }
}

/** The delimiter in front of the next `name=` of a path, or -1. */
function packageIndex(path: string, name: string): number {
  for (let at = path.indexOf(`${name}=`); at >= 0; at = path.indexOf(`${name}=`, at + 1)) {
    if (path[at - 1] === '/' || path[at - 1] === ';') return at - 1
  }
  return -1
}

function endOfPackage(path: string, from: number): number {
  let end = from
  while (end < path.length && path[end] !== '/' && path[end] !== ';') end++
  return end
}

/** What stood around a package, with one slash between segments. */
function joinPath(before: string, behind: string): string {
  if (before.endsWith('/') && behind.startsWith('/')) return before + behind.slice(1)
  if (before === '' && !behind.startsWith('/')) return `/${behind}`
  return before + behind
}

const HASH = 'hash:sha-256;'
const REGEX = 'regex:'

/** The test of a `cdniuc` claim: a hash of the URI (RFC 6920), or an expression for all of it. */
export function readContainer(claim: unknown): ((uri: string) => boolean) | undefined {
  if (typeof claim !== 'string') return undefined
  if (claim.startsWith(HASH)) {
    const digest = decodeBase64Url(claim.slice(HASH.length))
    if (digest?.length !== 32) return undefined
    return (uri) => equalBytes(hash('sha256', uri, 'buffer'), digest)
  }
  if (!claim.startsWith(REGEX)) return undefined
  const pattern = compileExtended(claim.slice(REGEX.length))
  return pattern && ((uri) => pattern.matches(uri))
}
