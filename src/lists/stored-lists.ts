import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type AddressSet, NetworkSet, unionOf } from '../base/network-set.ts'
import type { ListConfig, ListConfigs } from './list-config.ts'
import { copyName, decodeCopy } from './list-copy.ts'
import { ListDraft, type ParsedList } from './list-draft.ts'
import { parseList } from './parse-list.ts'

/** What lies on this machine of a list; undefined when nothing does. A file that cannot be read throws. */
export function readStoredList(
  name: string,
  config: ListConfig,
  directory: string,
): { readonly parsed: ParsedList; readonly refreshedAt: number } | undefined {
  const { file, url, format, maxBytes } = config
  if (file !== undefined) {
    const { mtimeMs, size } = statSync(file)
    if (size > maxBytes) return { parsed: tooLarge(maxBytes), refreshedAt: mtimeMs }
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

function tooLarge(maxBytes: number): ParsedList {
  const draft = new ListDraft(new Uint8Array())
  draft.refuse({ line: 1, column: 1 }, `it has more than ${maxBytes} bytes`)
  return draft.finish()
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
      const why = problem
        ? `: line ${problem.line}, column ${problem.column}: ${problem.message}`
        : ' on this machine'
      this.#warn(`list ${name} has no data${why}`)
      return undefined
    }
    return unionOf(new NetworkSet(stored.parsed.networks), added)
  }
}
