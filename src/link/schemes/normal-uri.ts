import type { RequestContext, Site } from '../../request/request-context.ts'

/**
 * A request's URI in the normal form of RFC 3986 section 6.2.2; undefined where servers read it
 * differently. `site` is normal already.
 */
export function normaliseUri(
  site: Site,
  { rawPath, rawQuery }: RequestContext['target'],
): string | undefined {
  const path = normalisePath(rawPath)
  const query = rawQuery === undefined ? '' : normaliseOctets(rawQuery)
  if (path === undefined || query === undefined) return undefined
  const authority = `${site.scheme}://${site.host}`
  return `${authority}${withoutDotSegments(path)}${rawQuery === undefined ? '' : `?${query}`}`
}

/** A raw path with normal octets. An encoded slash, backslash or NUL could mean another path. */
export function normalisePath(rawPath: string): string | undefined {
  const path = normaliseOctets(rawPath === '' ? '/' : rawPath)
  return path !== undefined && /^\/[^\\]*$/.test(path) && !/%(?:2F|5C|00)/.test(path)
    ? path
    : undefined
}

export function hasDotSegments(path: string): boolean {
  return /\/\.\.?(?:\/|$)/.test(path)
}

/** Unreserved characters written plainly, other octets in upper case. */
function normaliseOctets(text: string): string | undefined {
  if (!/^[\x21-\x7e]*$/.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) return undefined
  return text.replace(/%([0-9A-Fa-f]{2})/g, (octet, hex: string) => {
    const character = String.fromCharCode(parseInt(hex, 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : octet.toUpperCase()
  })
}

/** RFC 3986 section 5.2.4, for a path that begins with a slash. */
function withoutDotSegments(path: string): string {
  if (!hasDotSegments(path)) return path
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1
    if (segment === '..') kept.pop()
    if (segment !== '.' && segment !== '..') kept.push(segment)
    else if (isLast) kept.push('')
  }
  return `/${kept.join('/')}`
}
