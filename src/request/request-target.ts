/** A request target, cut but not decoded: signatures are over these very bytes. */
export interface RequestTarget {
  readonly rawPath: string
  /** What follows the first `?`; undefined when there is none. */
  readonly rawQuery: string | undefined
  /** A token carried as first segment, `/~TOKEN/PATH`; `rawPath` is then PATH. */
  readonly pathToken: string | undefined
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
    if (target[start] !== '/') return undefined
  }
  const question = target.indexOf('?', start)
  const rawPath = question < 0 ? target.slice(start) : target.slice(start, question)
  const rawQuery = question < 0 ? undefined : target.slice(question + 1)
  return { rawPath, rawQuery, pathToken: undefined }
}

/** The same target with `/~TOKEN` taken for a link, or undefined when its first segment is none. */
export function withPathToken(target: RequestTarget): RequestTarget | undefined {
  if (!target.rawPath.startsWith('/~')) return undefined
  const slash = target.rawPath.indexOf('/', 2)
  if (slash < 0) return undefined
  return {
    rawPath: target.rawPath.slice(slash),
    rawQuery: target.rawQuery,
    pathToken: target.rawPath.slice(2, slash),
  }
}
