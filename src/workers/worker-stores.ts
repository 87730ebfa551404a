import type { AddressSet } from '../base/network-set.ts'
import { parseNetwork } from '../base/address.ts'
import { type Clock, secondsOf } from '../base/clock.ts'
import type { ListEntry } from '../lists/list-entry.ts'
import { PrefixTable } from '../lists/prefix-table.ts'
import type { Revocation } from '../state/revocation-index.ts'
import type { RevocationFollower, RevocationStore } from '../state/revocations.ts'
import type { PrimaryChannel } from './calls.ts'

/** The revocations as the primary tells them; what this worker withdraws the primary keeps. */
export class WorkerRevocations implements RevocationStore {
  readonly #channel: Pick<PrimaryChannel, 'ask'>
  readonly #atStart: readonly Revocation[]
  #follower: RevocationFollower | undefined

  constructor(channel: Pick<PrimaryChannel, 'ask'>, atStart: readonly Revocation[]) {
    this.#channel = channel
    this.#atStart = atStart
  }

  follow(follower: RevocationFollower): void {
    this.#follower = follower
    for (const revocation of this.#atStart) follower.put(revocation)
  }

  /** The primary tells it to all workers, to this one as well. */
  async put(revocation: Revocation): Promise<void> {
    await this.#channel.ask('revoke', revocation)
  }

  remove(): Promise<void> {
    return Promise.reject(new Error('only the primary takes a revocation back'))
  }

  revoked(revocation: Revocation): void {
    this.#follower?.put(revocation)
  }

  unrevoked(id: string): void {
    this.#follower?.remove(id)
  }
}

/** The entries of lists as the primary tells them. */
export class WorkerEntries {
  readonly #clock: Clock
  readonly #tables = new Map<string, PrefixTable>()

  constructor(clock: Clock, atStart: readonly ListEntry[]) {
    this.#clock = clock
    for (const entry of atStart) this.listed(entry)
  }

  /** What was added to the list: as it is when it is asked, not as it was when it was got. */
  of(list: string): AddressSet {
    const table = this.#tableOf(list)
    return { has: (address) => table.has(address, secondsOf(this.#clock)) }
  }

  listed({ list, cidr, expiresAt }: ListEntry): void {
    const network = parseNetwork(cidr)
    if (network) this.#tableOf(list).put(network, expiresAt ?? Infinity)
  }

  unlisted({ list, cidr }: Pick<ListEntry, 'list' | 'cidr'>): void {
    const network = parseNetwork(cidr)
    if (network) this.#tableOf(list).remove(network)
  }

  /** Forgets what is over. */
  prune(): void {
    for (const table of this.#tables.values()) table.prune(secondsOf(this.#clock))
  }

  #tableOf(list: string): PrefixTable {
    let table = this.#tables.get(list)
    if (!table) this.#tables.set(list, (table = new PrefixTable()))
    return table
  }
}
