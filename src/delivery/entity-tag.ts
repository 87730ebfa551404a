const QUOTE = 34
const COMMA = 44
const SPACE = 32
const TAB = 9
const DELETE = 127

/** RFC 9110 section 8.8.3.2: strong needs two strong tags, weak looks at the opaque part alone. */
export type Comparison = 'strong' | 'weak'

/**
 * Whether an `If-Match` or `If-None-Match` value names the object (RFC 9110 sections 13.1.1 and 13.1.2).
 * `*` names every object, also one without an entity tag. A list with anything malformed names none.
 */
export function namesObject(
  value: string,
  etag: string | undefined,
  comparison: Comparison,
): boolean {
  if (value === '*') return true
  const opaque = etag === undefined ? undefined : opaquePart(etag)
  const comparable = opaque !== undefined && (comparison === 'weak' || !isWeak(etag ?? ''))
  let found = false
  let needsComma = false
  for (let at = 0; at < value.length;) {
    const code = value.charCodeAt(at)
    if (code === COMMA) needsComma = false
    if (code === COMMA || code === SPACE || code === TAB) {
      at++
      continue
    }
    if (needsComma) return false
    const weak = value.startsWith('W/', at)
    const start = weak ? at + 2 : at
    const end = endOfOpaqueTag(value, start)
    if (end < 0) return false
    if (comparable && (comparison === 'weak' || !weak)) {
      found ||= end - start === opaque.length && value.startsWith(opaque, start)
    }
    needsComma = true
    at = end
  }
  return found
}

export function isWeak(etag: string): boolean {
  return etag.startsWith('W/')
}

function opaquePart(etag: string): string {
  return isWeak(etag) ? etag.slice(2) : etag
}

/** The index after the closing quote of the opaque tag at `start`, or -1 (RFC 9110 section 8.8.3). */
function endOfOpaqueTag(value: string, start: number): number {
  if (value.charCodeAt(start) !== QUOTE) return -1
  for (let i = start + 1; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code === QUOTE) return i + 1
    if (code <= SPACE || code === DELETE || code > 255) return -1
  }
  return -1
}
