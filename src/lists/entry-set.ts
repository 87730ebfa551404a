import { formatNetwork, type Network, parseNetwork } from '../base/address.ts'
import { type Clock, type EpochSeconds, secondsOf } from '../base/clock.ts'
import type { AddressSet } from '../base/network-set.ts'
import type { EntryStore, ListEntry, ListEntryPage } from './list-entry.ts'
import { PrefixTable } from './prefix-table.ts'

/** What is put on a list: the network in place of its text. */
export type NewEntry = Omit<ListEntry, 'cidr'> & { readonly network: Network }

/**
 * The entries that operators added to lists, in memory and in a store. A change is kept and in force
 * when its promise resolves. An entry that has an end counts no more from that second on.
 */
export class EntrySets {
  readonly #stored: EntryStore
  readonly #clock: Clock
  readonly #tables = new Map<string, PrefixTable>()

  constructor(stored: EntryStore, clock: Clock) {
    this.#stored = stored
    this.#clock = clock
    const follower = {
      put: ({ list, cidr, expiresAt }: ListEntry): void => {
        const network = parseNetwork(cidr)
        if (network) this.#tableOf(list).put(network, expiresAt ?? Infinity)
      },
      remove: (list: string, cidr: string): void => {
        const network = parseNetwork(cidr)
        if (network) this.#tableOf(list).remove(network)
      },
    }
    stored.follow(follower, secondsOf(clock))
  }

  /** What was added to the list: as it is when it is asked, not as it was when it was got. */
  of(list: string): AddressSet {
    const table = this.#tableOf(list)
    return { has: (address) => table.has(address, secondsOf(this.#clock)) }
  }

  /** Adds the entry, in the place of one of the same network. */
  async put({ network, ...entry }: NewEntry): Promise<ListEntry> {
    const stored = { ...entry, cidr: formatNetwork(network) }
    await this.#stored.put(stored)
    return stored
  }

  async remove(list: string, network: Network): Promise<void> {
    await this.#stored.remove(list, formatNetwork(network))
  }

  find(list: string, network: Network): ListEntry | undefined {
    return this.#stored.find(list, formatNetwork(network), secondsOf(this.#clock))
  }

  /** The newest first, from `after` on: what the page before gave as `next`. */
  page(list: string, after: number | undefined, limit: number): ListEntryPage {
    return this.#stored.page(list, after, limit, secondsOf(this.#clock))
  }

  /** How many each list has. */
  counts(): ReadonlyMap<string, number> {
    return this.#stored.counts(secondsOf(this.#clock))
  }

  /** Forgets what is over. */
  prune(now: EpochSeconds): void {
    this.#stored.prune(now)
    for (const table of this.#tables.values()) table.prune(now)
  }

  #tableOf(list: string): PrefixTable {
    let table = this.#tables.get(list)
    if (!table) this.#tables.set(list, (table = new PrefixTable()))
    return table
  }
}
