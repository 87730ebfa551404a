import type { EpochSeconds } from '../base/clock.ts'
import type { EntryFollower, EntryStore, ListEntry, ListEntryPage } from '../lists/list-entry.ts'
import type { ReplicatedTable } from './replicated-table.ts'

interface Stamped {
  readonly entry: ListEntry
  /** When it was put: entries are shown by it, newest first. */
  readonly stamp: number
}

/** The entries that operators added to lists, of all nodes; asked in memory. */
export class ValkeyListEntries implements EntryStore {
  readonly #table: ReplicatedTable
  readonly #lists = new Map<string, Map<string, Stamped>>()
  #follower: EntryFollower | undefined

  constructor(table: ReplicatedTable) {
    this.#table = table
    table.follow({
      put: (_, body, stamp) => {
        const entry = readEntry(body)
        this.#listOf(entry.list).set(entry.cidr, { entry, stamp })
        this.#follower?.put(entry)
      },
      remove: (key) => {
        const [list, cidr] = partsOf(key)
        this.#lists.get(list)?.delete(cidr)
        this.#follower?.remove(list, cidr)
      },
    })
  }

  follow(follower: EntryFollower, now: EpochSeconds): void {
    this.#follower = follower
    for (const list of this.#lists.keys()) {
      for (const { entry } of this.#live(list, now)) follower.put(entry)
    }
  }

  put(entry: ListEntry): Promise<void> {
    return this.#table.put(keyOf(entry.list, entry.cidr), JSON.stringify(entry))
  }

  remove(list: string, cidr: string): Promise<void> {
    return this.#table.remove(keyOf(list, cidr))
  }

  find(list: string, cidr: string, now: EpochSeconds): ListEntry | undefined {
    const entry = this.#lists.get(list)?.get(cidr)?.entry
    return entry && isLive(entry, now) ? entry : undefined
  }

  page(list: string, after: number | undefined, limit: number, now: EpochSeconds): ListEntryPage {
    const behind = this.#live(list, now)
      .filter(({ stamp }) => stamp < (after ?? Infinity))
      .toSorted((a, b) => b.stamp - a.stamp)
    const shown = behind.slice(0, limit)
    return {
      entries: shown.map(({ entry }) => entry),
      next: behind.length > limit ? shown.at(-1)?.stamp : undefined,
    }
  }

  counts(now: EpochSeconds): ReadonlyMap<string, number> {
    const counts = [...this.#lists.keys()].map(
      (list) => [list, this.#live(list, now).length] as const,
    )
    return new Map(counts.filter(([, count]) => count > 0))
  }

  prune(now: EpochSeconds): void {
    for (const list of this.#lists.values()) {
      for (const { entry, stamp } of list.values()) {
        if (isLive(entry, now)) continue
        // what could not be removed is over all the same, and is tried again
        this.#table.remove(keyOf(entry.list, entry.cidr), stamp).catch(() => undefined)
      }
    }
  }

  #listOf(name: string): Map<string, Stamped> {
    let list = this.#lists.get(name)
    if (!list) this.#lists.set(name, (list = new Map()))
    return list
  }

  #live(list: string, now: EpochSeconds): Stamped[] {
    const stamped = this.#lists.get(list)?.values() ?? []
    return [...stamped].filter(({ entry }) => isLive(entry, now))
  }
}

function isLive({ expiresAt }: ListEntry, now: EpochSeconds): boolean {
  return expiresAt === undefined || expiresAt > now
}

/** Names of lists hold no space, and neither do networks. */
function keyOf(list: string, cidr: string): string {
  return `${list} ${cidr}`
}

function partsOf(key: string): [list: string, cidr: string] {
  const space = key.lastIndexOf(' ')
  return [key.slice(0, space), key.slice(space + 1)]
}

/** JSON leaves out what is not set. */
function readEntry(body: string): ListEntry {
  const entry = JSON.parse(body) as ListEntry
  return { ...entry, note: entry.note, expiresAt: entry.expiresAt }
}
