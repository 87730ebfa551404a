declare const canonicalPath: unique symbol
/** A request path, percent-decoded exactly once, free of anything that could mean another path. */
export type CanonicalPath = string & { readonly [canonicalPath]: true }

export type PathResult =
  { readonly ok: true; readonly path: CanonicalPath } | { readonly ok: false; readonly why: string }

/**
 * Decodes the raw path of a request target once and refuses every form that a later reader (a file
 * system, an origin) could take for another path (CVE-2019-9901 and its kin). What comes
 * out is the only text that rules, origins and records see.
 */
export function canonicalisePath(raw: string): PathResult {
  if (!raw.startsWith('/')) return bad('does not begin with a slash')
  let encoded = false
  for (let i = 0; i < raw.length; i++) {
    const c = raw.charCodeAt(i)
    if (c === 0x25) encoded = true
    else if (c <= 0x20 || c >= 0x7f) return bad('holds a raw space, control or non-ASCII byte')
    else if (c === 0x5c) return bad('holds a backslash')
    else if (c === 0x23 || c === 0x3f) return bad('holds a raw # or ?')
  }
  if (!encoded) return checkSegments(raw)
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return bad('holds a broken percent sequence')
  if (/%(?:2[Ff]|5[Cc]|[01][0-9A-Fa-f]|7[Ff])/.test(raw)) {
    return bad('holds an encoded slash, backslash or control byte')
  }
  let decoded: string
  try {
    decoded = decodeURIComponent(raw)
  } catch {
    return bad('is not UTF-8')
  }
  // %252e, and %25%32%65 too: what a second decoding would read as another path
  if (/%[0-9A-Fa-f]{2}/.test(decoded)) return bad('is encoded twice')
  return checkSegments(decoded)
}

function checkSegments(path: string): PathResult {
  if (path.endsWith('/')) return bad('ends with a slash')
  if (path.includes('//')) return bad('holds an empty segment')
  // `..;x` is a dot segment to servers that cut path parameters off
  if (path.includes('/.') && /\/\.\.?(?:[/;]|$)/.test(path)) return bad('holds a dot segment')
  return { ok: true, path: path as CanonicalPath }
}

function bad(why: string): PathResult {
  return { ok: false, why: `the path ${why}` }
}

/** Writes a canonical path as it stands in a URL: every byte but unreserved and sub-delims is encoded. */
export function encodePath(path: string): string {
  return encodeURIComponent(path).replace(
    /%(2F|21|24|26|27|28|29|2A|2B|2C|3B|3D|3A|40)/g,
    (octet) => decodeURIComponent(octet),
  )
}
