import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type AddressSet, NetworkSet } from '../base/network-set.ts'
import type { ListConfig, ListConfigs } from './list-config.ts'
import { copyName, decodeCopy } from './list-copy.ts'
import type { ParsedList } from './list-draft.ts'
import { parseList } from './parse-list.ts'

/** What lies on this machine of a list; undefined when nothing does. A file that cannot be read throws. */
export function readStoredList(
  name: string,
  config: ListConfig,
  directory: string,
): { readonly parsed: ParsedList; readonly refreshedAt: number } | undefined {
  const { file, url, format } = config
  if (file !== undefined) {
    const { mtimeMs } = statSync(file)
    return { parsed: parseList(readFileSync(file), format), refreshedAt: mtimeMs }
  }
  if (url === undefined) return undefined
  const copy = readCopy(join(directory, copyName(name, config)))
  return copy && { parsed: parseList(copy.bytes, format), refreshedAt: copy.refreshedAt }
}

function readCopy(file: string): ReturnType<typeof decodeCopy> {
  try {
    return decodeCopy(readFileSync(file), statSync(file).mtimeMs)
  } catch {
    return undefined
  }
}

/** Lists for commands that look once: each is read when it is first asked for, and nothing is fetched. */
export class StoredLists {
  readonly #configs: ListConfigs
  readonly #directory: string
  readonly #entriesOf: (list: string) => AddressSet
  readonly #warn: (message: string) => void
  readonly #sets = new Map<string, AddressSet | undefined>()

  constructor(
    configs: ListConfigs,
    options: {
      readonly directory: string
      readonly entriesOf: (list: string) => AddressSet
      readonly warn: (message: string) => void
    },
  ) {
    this.#configs = configs
    this.#directory = options.directory
    this.#entriesOf = options.entriesOf
    this.#warn = options.warn
  }

  get(name: string): AddressSet | undefined {
    const config = Object.hasOwn(this.#configs, name) ? this.#configs[name] : undefined
    if (!config) return undefined
    if (!this.#sets.has(name)) this.#sets.set(name, this.#read(name, config))
    return this.#sets.get(name)
  }

  #read(name: string, config: ListConfig): AddressSet | undefined {
    const added = this.#entriesOf(name)
    if (config.file === undefined && config.url === undefined) return added
    const stored = readStoredList(name, config, this.#directory)
    const [problem] = stored?.parsed.problems ?? []
    if (!stored || problem) {
      this.#warn(`list ${name} has no data${problem ? `: ${problem.message}` : ' on this machine'}`)
      return undefined
    }
    const own = new NetworkSet(stored.parsed.networks)
    return { has: (address) => own.has(address) || added.has(address) }
  }
}
