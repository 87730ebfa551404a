import { checkListFile } from '../config/load-lists.ts'
import type { Problem } from '../config/problem.ts'
import { type ListConfig, shownUrl } from '../lists/list-config.ts'
import { readStoredList } from '../lists/stored-lists.ts'

/** What `sluice check` says of a list. Nothing is fetched: of a published one the copy on disk is read. */
export function checkList(
  name: string,
  config: ListConfig,
  directory: string,
): { readonly problems: readonly Problem[]; readonly shown: string } {
  const { file, url, format } = config
  if (file !== undefined) {
    const { problems, entries } = checkListFile(name, file, config)
    return { problems, shown: `list ${name}: ${entries} entries, ${format}, ${file}` }
  }
  if (url === undefined) return { problems: [], shown: `list ${name}: entries by API alone` }
  const stored = readStoredList(name, config, directory)
  const kept =
    stored && stored.parsed.problems.length === 0
      ? `${stored.parsed.entries} entries in the copy of ${new Date(stored.refreshedAt).toISOString()}`
      : 'no copy yet, it is fetched at the start'
  return { problems: [], shown: `list ${name}: ${kept}, ${format}, ${shownUrl(url)}` }
}
