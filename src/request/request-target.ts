/** A request target, cut but not decoded: signatures are over these very bytes. */
export interface RequestTarget {
  readonly rawPath: string
  /** What follows the first `?`; undefined when there is none. */
  readonly rawQuery: string | undefined
}

/**
 * Cuts origin-form and absolute-form targets (RFC 9112 sections 3.2.1 and 3.2.2; a server must accept
 * both). Anything else (`*`, authority-form) is undefined.
 */
export function cutTarget(target: string): RequestTarget | undefined {
  let start = 0
  if (target.charCodeAt(0) !== 0x2f) {
    const scheme = /^https?:\/\/[^/?#]+/i.exec(target)
    if (!scheme) return undefined
    start = scheme[0].length
    // RFC 9110 section 4.2.3: an empty path is the same as `/`
    if (target[start] !== '/') return withoutPath(target.slice(start))
  }
  const question = target.indexOf('?', start)
  const rawPath = question < 0 ? target.slice(start) : target.slice(start, question)
  const rawQuery = question < 0 ? undefined : target.slice(question + 1)
  return { rawPath, rawQuery }
}

function withoutPath(rest: string): RequestTarget | undefined {
  if (rest === '') return { rawPath: '/', rawQuery: undefined }
  return rest.startsWith('?') ? { rawPath: '/', rawQuery: rest.slice(1) } : undefined
}
