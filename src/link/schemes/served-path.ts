import { decodeOctets, textOfOctets } from '../octets.ts'

/**
 * A path as nginx (`$uri`) and lighttpd hash it: decoded once, dot segments resolved, slashes merged; its
 * bytes as latin1. Undefined where they answer 400. Only for hashes: what is served is another matter.
 */
export function servedPath(rawPath: string): string | undefined {
  const octets = decodeOctets(rawPath)
  if (!octets?.startsWith('/') || octets.includes('\0')) return undefined
  const segments = octets.slice(1).split('/')
  const kept: string[] = []
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue
    if (segment !== '..') kept.push(segment)
    else if (kept.pop() === undefined) return undefined
  }
  const endsInFolder = ['', '.', '..'].includes(segments.at(-1) ?? '')
  return `/${kept.join('/')}${endsInFolder && kept.length > 0 ? '/' : ''}`
}

/** A raw path in plain text, as the context of a request holds it. */
export function plainPath(rawPath: string): string {
  return textOfOctets(decodeOctets(rawPath) ?? rawPath) ?? rawPath
}
