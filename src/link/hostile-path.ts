/**
 * Whether a raw path could mean another path to a later reader: dot segments, encoded or not, encoded
 * slashes, backslashes and NUL. Prefixes, globs and patterns must not be matched against such a path.
 */
export function isHostilePath(rawPath: string): boolean {
  return /\\|%(?:2[Ff]|5[Cc]|00)/.test(rawPath) || /\/(?:\.|%2[Ee]){1,2}(?:[/;]|$)/.test(rawPath)
}
