import type { EpochSeconds } from '../base/clock.ts'
import type { EntryFollower, EntryStore, ListEntry, ListEntryPage } from '../lists/list-entry.ts'
import type { Revocation } from '../state/revocation-index.ts'
import type { RevocationFollower, RevocationStore } from '../state/revocations.ts'

/** Hears of each change of the state; it is in force everywhere when the promise resolves. */
export interface StateFollower {
  revoked(revocation: Revocation): Promise<void>
  unrevoked(id: string): Promise<void>
  listed(entry: ListEntry): Promise<void>
  unlisted(entry: { readonly list: string; readonly cidr: string }): Promise<void>
}

/** A store whose changes workers follow, too. */
export class FollowedRevocations implements RevocationStore {
  readonly #store: RevocationStore
  readonly #follower: StateFollower

  constructor(store: RevocationStore, follower: StateFollower) {
    this.#store = store
    this.#follower = follower
  }

  follow(follower: RevocationFollower): void {
    this.#store.follow(follower)
  }

  async put(revocation: Revocation): Promise<void> {
    await this.#store.put(revocation)
    await this.#follower.revoked(revocation)
  }

  async remove(id: string): Promise<void> {
    await this.#store.remove(id)
    await this.#follower.unrevoked(id)
  }
}

/** A store whose changes workers follow, too, and all that it told. */
export class FollowedEntries implements EntryStore {
  readonly #store: EntryStore
  readonly #follower: StateFollower
  readonly #entries = new Map<string, ListEntry>()

  constructor(store: EntryStore, follower: StateFollower) {
    this.#store = store
    this.#follower = follower
  }

  /** Those that were told of so far. */
  get all(): readonly ListEntry[] {
    return [...this.#entries.values()]
  }

  follow(follower: EntryFollower, now: EpochSeconds): void {
    const both: EntryFollower = {
      put: (entry) => {
        this.#entries.set(nameOf(entry.list, entry.cidr), entry)
        follower.put(entry)
      },
      remove: (list, cidr) => {
        this.#entries.delete(nameOf(list, cidr))
        follower.remove(list, cidr)
      },
    }
    this.#store.follow(both, now)
  }

  async put(entry: ListEntry): Promise<void> {
    await this.#store.put(entry)
    await this.#follower.listed(entry)
  }

  async remove(list: string, cidr: string): Promise<void> {
    await this.#store.remove(list, cidr)
    await this.#follower.unlisted({ list, cidr })
  }

  find(list: string, cidr: string, now: EpochSeconds): ListEntry | undefined {
    return this.#store.find(list, cidr, now)
  }

  page(list: string, after: number | undefined, limit: number, now: EpochSeconds): ListEntryPage {
    return this.#store.page(list, after, limit, now)
  }

  counts(now: EpochSeconds): ReadonlyMap<string, number> {
    return this.#store.counts(now)
  }

  prune(now: EpochSeconds): void {
    this.#store.prune(now)
    for (const [name, { expiresAt }] of this.#entries) {
      if (expiresAt !== undefined && expiresAt <= now) this.#entries.delete(name)
    }
  }
}

function nameOf(list: string, cidr: string): string {
  return `${list}\n${cidr}`
}
