import { readFileSync } from 'node:fs'
import { NetworkSet } from '../base/network-set.ts'
import { keysAt, textAt } from './draft.ts'
import { parseNetset } from './netset.ts'
import { type Finding, type Problem, reasonOf } from './problem.ts'

export interface LoadedLists {
  readonly lists: ReadonlyMap<string, NetworkSet>
  /** Inside of list files. */
  readonly problems: readonly Problem[]
  /** Of the gateway's file: lists that cannot be read. */
  readonly findings: readonly Finding[]
}

/** Loads the file of each list that the gateway's data names; `place` finds a relative path. */
export function loadLists(data: unknown, place: (path: string) => string): LoadedLists {
  const lists = new Map<string, NetworkSet>()
  const problems: Problem[] = []
  const findings: Finding[] = []
  for (const name of keysAt(data, ['lists'])) {
    const path = ['lists', name, 'file']
    const file = textAt(data, path)
    if (!file || (textAt(data, ['lists', name, 'format']) ?? 'netset') !== 'netset') continue
    const loaded = loadNetset(place(file), `lists.${name}`)
    if ('unreadable' in loaded)
      findings.push({ path, message: `cannot be read: ${loaded.unreadable}` })
    else if (loaded.problems.length > 0) problems.push(...loaded.problems)
    else lists.set(name, loaded.set)
  }
  return { lists, problems, findings }
}

/** Loads one netset file, for a start and for each refresh. The set holds nothing when there are problems. */
export function loadNetset(
  file: string,
  path: string,
):
  | { readonly set: NetworkSet; readonly problems: readonly Problem[] }
  | { readonly unreadable: string } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return { unreadable: reasonOf(error) }
  }
  const { networks, problems } = parseNetset(text, file, path)
  return { set: new NetworkSet(problems.length === 0 ? networks : []), problems }
}
