import type { Clock } from '../base/clock.ts'
import { messageOf } from '../base/failure.ts'
import type { Anonymizer } from '../base/network-facts.ts'
import type { AddressSet } from '../base/network-set.ts'
import { CopySource } from './copy-source.ts'
import { FileSource } from './file-source.ts'
import type { ListFormatName } from './formats/registry.ts'
import {
  kindOf,
  leastRefreshSeconds,
  type ListConfig,
  type ListConfigs,
  shownUrl,
} from './list-config.ts'
import { copyName, ListCopy, removeCopies } from './list-copy.ts'
import type { ListProblem } from './list-draft.ts'
import type { ListSource } from './list-source.ts'
import { SourcedList } from './sourced-list.ts'
import { UrlSource } from './url-source.ts'

/** How long a configuration waits for the first answers of URLs that no copy is there for. */
const PATIENCE_MS = 3000

/** How a list is doing. */
export interface ListState {
  readonly name: string
  /** Null for a list of entries by API alone. */
  readonly format: ListFormatName | null
  readonly anonymizer: Anonymizer | null
  readonly source: 'file' | 'url' | 'api'
  /** Those of the source. */
  readonly entries: number
  /** When the content in force was last known to be current, in milliseconds since the epoch. */
  readonly refreshed_at: number | null
  readonly error: string | null
  /** Without data nobody can say who is on the list. */
  readonly has_data: boolean
}

/** Something that keeps the file of a list out. */
export interface ListFault extends ListProblem {
  readonly list: string
  readonly file: string
}

/** The lists of a configuration, loaded and not yet in force. */
export interface PreparedLists {
  readonly configs: ListConfigs
  readonly faults: readonly ListFault[]
  /** Fetches the new ones that somebody publishes; waits for their first answers a while. */
  begin(): Promise<void>
  /** Puts them in force, all at once. */
  use(): void
  /** Gives back what was opened for them. */
  discard(): void
}

export interface LiveListsOptions {
  readonly clock: Clock
  readonly warn: (message: string) => void
  /** Where the last good content of published lists is kept. */
  readonly directory: string
  /** Entries that operators added to a list. */
  readonly entriesOf: (list: string) => AddressSet
  /** Another process fetches what is published; here its copies are read. */
  readonly readsCopies?: boolean
  /** Hears of fresh content of a list. */
  readonly onTaken?: (list: string) => void
}

interface Listed {
  readonly config: ListConfig
  /** Undefined for a list of entries by API alone. */
  readonly sourced: SourcedList | undefined
}

/**
 * The lists in force. They outlive a reload: a list whose source is as it was keeps its content, and its file is
 * read again only when it changed.
 */
export class LiveLists {
  readonly #options: LiveListsOptions
  #lists: ReadonlyMap<string, Listed> = new Map()

  constructor(options: LiveListsOptions) {
    this.#options = options
  }

  /** Undefined for a list without data, and for a name that no list has. */
  get(name: string): AddressSet | undefined {
    const listed = this.#lists.get(name)
    if (!listed) return undefined
    return listed.sourced ? listed.sourced.set : this.#options.entriesOf(name)
  }

  states(): readonly ListState[] {
    return [...this.#lists].map(([name, { config, sourced }]) => ({
      name,
      format: sourced ? config.format : null,
      anonymizer: kindOf(config) ?? null,
      source: config.file === undefined ? (config.url === undefined ? 'api' : 'url') : 'file',
      entries: sourced?.entries ?? 0,
      refreshed_at: sourced?.refreshedAt ?? null,
      error: sourced?.error ?? null,
      has_data: !sourced || sourced.set !== undefined,
    }))
  }

  /**
   * Loads the lists of a configuration beside those in force: the files of those that are new, and with `again`
   * of all. Every fault is found, not the first one alone, and nothing is fetched yet.
   */
  async prepare(configs: ListConfigs, { again }: { again: boolean }): Promise<PreparedLists> {
    const prepared = await Promise.all(
      Object.entries(configs).map(([name, config]) => this.#prepareList(name, config, again)),
    )
    return {
      configs,
      faults: prepared.flatMap(({ faults }) => faults),
      begin: async () => {
        const published = prepared.flatMap(({ isNew, listed: { config, sourced } }) =>
          isNew && sourced && config.url !== undefined ? [sourced] : [],
        )
        await Promise.all(published.map((sourced) => sourced.begin(PATIENCE_MS)))
      },
      use: () => {
        const before = new Set(this.#lists.values())
        this.#lists = new Map(prepared.map(({ name, listed }) => [name, listed]))
        for (const { use } of prepared) use()
        this.#closeAllBut(before)
        if (this.#options.readsCopies !== true) this.#removeOldCopies(configs)
      },
      discard: () => {
        for (const { isNew, listed } of prepared) if (isNew) listed.sourced?.close()
      },
    }
  }

  /** Looks at the source of a list now. */
  refresh(name: string): void {
    void this.#lists.get(name)?.sourced?.refresh()
  }

  close(): void {
    for (const { sourced } of this.#lists.values()) sourced?.close()
  }

  async #prepareList(name: string, config: ListConfig, again: boolean): Promise<PreparedList> {
    const known = this.#lists.get(name)
    const isNew = !known || sourceOf(known.config) !== sourceOf(config)
    const sourced = isNew ? this.#open(name, config) : known.sourced
    const listed = { config, sourced }
    const prepared = { name, listed, isNew, faults: [] }
    const goOn = (): void => sourced?.continueWith(config)
    if (!sourced || (!isNew && !again)) return { ...prepared, use: goOn }
    const { file } = config
    if (file === undefined) {
      const use = (): void => {
        goOn()
        if (!isNew) void sourced.refresh()
      }
      return { ...prepared, use }
    }
    const look = await sourced.look()
    if (look.outcome === 'refused') {
      return { ...prepared, faults: faultsOf(name, file, look), use: goOn }
    }
    const use = (): void => {
      void look.take()
      goOn()
    }
    return { ...prepared, use }
  }

  #open(name: string, config: ListConfig): SourcedList | undefined {
    const source = this.#source(name, config)
    const { clock, entriesOf } = this.#options
    const place = config.file ?? (config.url === undefined ? '' : shownUrl(config.url))
    const warn = (message: string): void => {
      this.#options.warn(`${message} (${place})`)
    }
    const added: AddressSet = { has: (address) => entriesOf(name).has(address) }
    const onTaken = (): void => this.#options.onTaken?.(name)
    return source && new SourcedList({ name, config, source, added, clock, warn, onTaken })
  }

  #source(name: string, config: ListConfig): ListSource | undefined {
    const { file, url, headers, maxBytes, format } = config
    if (file !== undefined) return new FileSource(file, maxBytes)
    if (url === undefined) return undefined
    const copy = new ListCopy(this.#options.directory, copyName(name, config))
    if (this.#options.readsCopies === true) return new CopySource(copy)
    const leastSeconds = leastRefreshSeconds(format)
    const { warn } = this.#options
    return new UrlSource({ url, headers, maxBytes, leastSeconds, copy, warn })
  }

  #closeAllBut(before: ReadonlySet<Listed>): void {
    const kept = new Set([...this.#lists.values()].map(({ sourced }) => sourced))
    for (const { sourced } of before) if (!kept.has(sourced)) sourced?.close()
  }

  #removeOldCopies(configs: ListConfigs): void {
    const kept = Object.entries(configs).map(([name, config]) => copyName(name, config))
    removeCopies(this.#options.directory, new Set(kept)).catch((error: unknown) => {
      this.#options.warn(`old copies of lists cannot be removed: ${messageOf(error)}`)
    })
  }
}

interface PreparedList {
  readonly name: string
  readonly listed: Listed
  readonly isNew: boolean
  readonly faults: readonly ListFault[]
  readonly use: () => void
}

/** Two lists with the same one have the same content. */
function sourceOf({ file, url, headers, format, maxBytes }: ListConfig): string {
  return JSON.stringify([file, url, headers, format, maxBytes])
}

function faultsOf(
  list: string,
  file: string,
  { why, problems }: { readonly why: string; readonly problems: readonly ListProblem[] },
): ListFault[] {
  const found = problems.length > 0 ? problems : [{ line: 1, column: 1, message: why }]
  return found.map((problem) => ({ list, file, ...problem }))
}
