import { hash } from 'node:crypto'
import { decodeHex, equalBytes } from '../../base/bytes.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { parametersOf, withoutFields } from '../link-fields.ts'
import { type CborValue, isMap } from './cbor.ts'
import { hasDotSegments, normalisePath } from './normal-uri.ts'
import { compilePattern } from './pattern.ts'

/** One match of a `catu` or `cath` claim. */
export interface Match {
  /** For people: `prefix /video/`. */
  readonly text: string
  holds(value: string): boolean
}

const MAX_MATCHES = 16

/** Reads a map from match types to values; all have to hold. Undefined when one is not understood. */
export function readMatches(value: CborValue | undefined): readonly Match[] | undefined {
  if (!isMap(value) || value.size > MAX_MATCHES) return undefined
  const matches: Match[] = []
  for (const [type, wanted] of value) {
    const match = readMatch(type, wanted)
    if (!match) return undefined
    matches.push(match)
  }
  return matches
}

function readMatch(type: number | string, wanted: CborValue): Match | undefined {
  if (type === 4) return readPattern(wanted)
  if (type === -1) return readDigest('sha256', wanted)
  if (type === -2) return readDigest('sha512-256', wanted)
  if (typeof wanted !== 'string') return undefined
  switch (type) {
    case 0:
      return { text: `exact ${wanted}`, holds: (value) => value === wanted }
    case 1:
      return { text: `prefix ${wanted}`, holds: (value) => value.startsWith(wanted) }
    case 2:
      return { text: `suffix ${wanted}`, holds: (value) => value.endsWith(wanted) }
    case 3:
      return { text: `contains ${wanted}`, holds: (value) => value.includes(wanted) }
    default:
      return undefined
  }
}

/** An expression that is found in the value, and what its groups must hold; null leaves one free. */
function readPattern(wanted: CborValue): Match | undefined {
  if (!Array.isArray(wanted)) return undefined
  const [source, ...groups] = wanted as readonly CborValue[]
  if (typeof source !== 'string') return undefined
  const pattern = compilePattern(source)
  if (!pattern || !groups.every((group) => group === null || typeof group === 'string')) {
    return undefined
  }
  return {
    text: `regex ${source}`,
    holds(value) {
      const held = pattern.search(value)
      return held !== undefined && groups.every((group, i) => group === null || group === held[i])
    },
  }
}

/** A digest of the value as bytes, or in hex as @eyevinn/cat writes it. */
function readDigest(name: 'sha256' | 'sha512-256', wanted: CborValue): Match | undefined {
  const digest = typeof wanted === 'string' ? decodeHex(wanted) : wanted
  if (!Buffer.isBuffer(digest) || digest.length !== 32) return undefined
  return {
    text: `${name} ${digest.toString('hex')}`,
    holds: (value) => equalBytes(hash(name, value, 'buffer'), digest),
  }
}

/** The parts of a URI in the order of their labels. */
const PARTS = [
  ...(['scheme', 'host', 'port', 'path', 'query'] as const),
  ...(['parent-path', 'filename', 'stem', 'extension'] as const),
]

type Part = (typeof PARTS)[number]

export interface UriMatch {
  readonly part: Part
  readonly match: Match
}

/** Reads a `catu` claim. */
export function readUriMatches(value: CborValue): readonly UriMatch[] | undefined {
  if (!isMap(value)) return undefined
  const all: UriMatch[] = []
  for (const [label, wanted] of value) {
    const part = typeof label === 'number' ? PARTS[label] : undefined
    const matches = readMatches(wanted)
    if (part === undefined || !matches) return undefined
    all.push(...matches.map((match) => ({ part, match })))
  }
  return all
}

/** Whether all matches hold for a request. The token's own parameter is no part of the query. */
export function matchesUri(
  matches: readonly UriMatch[],
  { site, target }: RequestContext,
  parameter: string,
): boolean {
  const path = normalisePath(target.rawPath)
  if (path === undefined || hasDotSegments(path)) return false
  const uri = { ...splitSite(site), path, query: queryOf(target, parameter) }
  return matches.every(({ part, match }) => valuesOf(part, uri).some((value) => match.holds(value)))
}

function queryOf({ rawQuery }: RequestContext['target'], parameter: string): string {
  if (!parametersOf(rawQuery).some(({ name }) => name === parameter)) return rawQuery ?? ''
  return withoutFields(rawQuery ?? '', [parameter])
}

interface Uri {
  readonly scheme: string
  readonly host: string
  readonly ports: readonly string[]
  readonly path: string
  readonly query: string
}

/** A scheme's own port is also written as nothing at all. */
function splitSite({
  scheme,
  host,
}: RequestContext['site']): Pick<Uri, 'scheme' | 'host' | 'ports'> {
  const port = /:(\d+)$/.exec(host)
  return {
    scheme,
    host: port ? host.slice(0, port.index) : host,
    ports: port ? [port[1] ?? ''] : ['', scheme === 'https' ? '443' : '80'],
  }
}

function valuesOf(part: Part, uri: Uri): readonly string[] {
  if (part === 'port') return uri.ports
  if (part === 'scheme' || part === 'host' || part === 'path' || part === 'query') {
    return [uri[part]]
  }
  const slash = uri.path.lastIndexOf('/')
  const filename = uri.path.slice(slash + 1)
  const dot = filename.lastIndexOf('.')
  switch (part) {
    case 'parent-path':
      return [uri.path.slice(0, slash)]
    case 'filename':
      return [filename]
    case 'stem':
      return [dot <= 0 ? filename : filename.slice(0, dot)]
    case 'extension':
      return [dot <= 0 ? '' : filename.slice(dot)]
    default:
      return part satisfies never
  }
}
