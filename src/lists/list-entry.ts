import type { EpochSeconds } from '../base/clock.ts'

/** A network that an operator put on a list beside what the list's source says. */
export interface ListEntry {
  readonly list: string
  /** Canonical: of one network there is one entry. */
  readonly cidr: string
  readonly note: string | undefined
  /** The id of the token. */
  readonly addedBy: string
  readonly addedAt: EpochSeconds
  /** From this second on it counts no more; undefined: it stays. */
  readonly expiresAt: EpochSeconds | undefined
}

/** One page of a list's entries. */
export interface ListEntryPage {
  readonly entries: readonly ListEntry[]
  /** What the next page starts after; undefined behind the last one. */
  readonly next: number | undefined
}

/** Is told of what is kept, and of each change, by whomever it was made. */
export interface EntryFollower {
  put(entry: ListEntry): void
  remove(list: string, cidr: string): void
}

/**
 * Where entries are kept. Those that are over at `now` are as if they were not there. A change is kept,
 * and told to the follower, when its promise resolves.
 */
export interface EntryStore {
  /** Tells what is kept so far and from then on each change. */
  follow(follower: EntryFollower, now: EpochSeconds): void
  /** Adds the entry, in the place of one of the same network. */
  put(entry: ListEntry): Promise<void>
  remove(list: string, cidr: string): Promise<void>
  find(list: string, cidr: string, now: EpochSeconds): ListEntry | undefined
  /** The newest first, from `after` on: what the page before gave as `next`. */
  page(list: string, after: number | undefined, limit: number, now: EpochSeconds): ListEntryPage
  /** How many each list has. */
  counts(now: EpochSeconds): ReadonlyMap<string, number>
  /** Forgets what is over. */
  prune(now: EpochSeconds): void
}
