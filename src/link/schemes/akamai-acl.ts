import type { RequestContext } from '../../request/request-context.ts'
import { writtenPaths } from '../written-paths.ts'
import { matchesGlob } from '../glob.ts'
import { isHostilePath } from '../hostile-path.ts'

const MAX_ENTRIES = 16

/** The entries of an access list; a string says what is wrong with it. */
export function readAcl(octets: string, delimiter: string): readonly string[] | string {
  const entries = octets.split(delimiter)
  if (entries.length > MAX_ENTRIES) return `acl has more than ${MAX_ENTRIES} entries`
  return entries.includes('') ? 'acl has an empty entry' : entries
}

/** Whether one of the entries opens the path of a request, and its query where that counts as well. */
export function isOpenedBy(
  entries: readonly string[],
  context: RequestContext,
  query: string,
): boolean {
  if (isHostilePath(context.target.rawPath)) return false
  const paths = writtenPaths(context)
  return entries.some((entry) => paths.some((path) => opens(entry, path, query)))
}

/**
 * A query has to be matched by what follows a `?` of the entry, or by a `*` at its end: were path and
 * query one text, `/free/*.txt` would open `/free/secret?.txt`.
 */
function opens(entry: string, path: string, query: string): boolean {
  if (query === '') return matchesGlob(entry, path)
  if (entry.endsWith('*') && matchesGlob(entry, path)) return true
  for (let at = entry.indexOf('?'); at >= 0; at = entry.indexOf('?', at + 1)) {
    if (matchesGlob(entry.slice(0, at), path) && matchesGlob(entry.slice(at + 1), query))
      return true
  }
  return false
}
