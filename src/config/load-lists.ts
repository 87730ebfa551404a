import type { ListConfig, ListConfigs } from '../lists/list-config.ts'
import type { ListFault } from '../lists/live-lists.ts'
import { readStoredList } from '../lists/stored-lists.ts'
import { keysAt, valueAt } from './draft.ts'
import { listSchema } from './list-schema.ts'
import { type Finding, formatPath, type Problem, reasonOf } from './problem.ts'
import { type Environment, resolveList, whyUnusable } from './resolve-config.ts'

export interface LoadedLists {
  /** Those whose settings are in order and whose files can be read, whatever else is wrong. */
  readonly lists: ListConfigs
  /** Of the gateway's file: lists that cannot be read. */
  readonly findings: readonly Finding[]
}

/** The settings of each list of the gateway's data. Their content is loaded apart: it may be large. */
export function loadLists(
  data: unknown,
  place: (path: string) => string,
  env: Environment,
): LoadedLists {
  const lists: [string, ListConfig][] = []
  const findings: Finding[] = []
  for (const name of keysAt(data, ['lists'])) {
    const parsed = listSchema.safeParse(valueAt(data, ['lists', name]))
    if (!parsed.success) continue
    const list = resolveList(parsed.data, place, env)
    const wrong = list.file === undefined ? undefined : whyUnusable(list.file, false)
    if (wrong !== undefined) findings.push({ path: ['lists', name, 'file'], message: wrong })
    else lists.push([name, list])
  }
  return { lists: Object.fromEntries(lists), findings }
}

/** Reads the file of a list in this thread: for commands, not for a gateway that serves. */
export function checkListFile(
  list: string,
  file: string,
  config: ListConfig,
): { readonly problems: readonly Problem[]; readonly entries: number } {
  try {
    const { problems = [], entries = 0 } = readStoredList(list, config, '')?.parsed ?? {}
    return { problems: problems.map((problem) => problemOf({ list, file, ...problem })), entries }
  } catch (error) {
    const message = `cannot be read: ${reasonOf(error)}`
    return { problems: [problemOf({ list, file, line: 1, column: 1, message })], entries: 0 }
  }
}

/** Problems inside of all list files. */
export function checkListFiles(lists: ListConfigs): Problem[] {
  return Object.entries(lists).flatMap(([name, config]) =>
    config.file === undefined ? [] : checkListFile(name, config.file, config).problems,
  )
}

/** Where an operator finds what is wrong with a list. */
export function problemOf({ list, file, line, column, message }: ListFault): Problem {
  return { source: file, line, column, path: formatPath(['lists', list]), message }
}
