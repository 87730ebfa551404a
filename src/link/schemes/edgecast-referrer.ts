/** Host and path of a Referer, or a host to look up: the host in lower case, its port kept. */
export interface Place {
  readonly host: string
  /** Begins with a slash; empty for none. */
  readonly path: string
}

/** Where a Referer points, or undefined when it is missing, blank or of another scheme. */
export function refererPlace(referer: string | undefined): Place | undefined {
  const scheme = /^https?:\/\//i.exec(referer ?? '')
  return scheme ? placeOf((referer ?? '').slice(scheme[0].length)) : undefined
}

/** Whether an entry of a list asks for requests without a Referer: `Missing`, or nothing at all. */
export function isMissing(entry: string): boolean {
  return entry === '' || entry.toLowerCase() === 'missing'
}

/**
 * Whether an entry (`site.example/news`, `*.site.example`) names a place. The path is a prefix, the host
 * is whole, so that `site.example` is not `site.example.evil.test`. A protocol in front counts for nothing.
 */
export function namesPlace(entry: string, { host, path }: Place): boolean {
  const named = placeOf(entry.replace(/^https?:\/\//i, ''))
  if (!path.startsWith(named.path)) return false
  const bare = named.host.includes(':') ? host : host.replace(/:\d*$/, '')
  return named.host.startsWith('*') ? bare.endsWith(named.host.slice(1)) : bare === named.host
}

function placeOf(text: string): Place {
  const slash = text.search(/[/?#]/)
  const authority = slash < 0 ? text : text.slice(0, slash)
  return {
    host: authority.slice(authority.lastIndexOf('@') + 1).toLowerCase(),
    path: slash < 0 ? '' : text.slice(slash),
  }
}
