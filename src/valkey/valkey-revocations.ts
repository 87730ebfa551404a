import type { Revocation } from '../state/revocation-index.ts'
import type { RevocationFollower, RevocationStore } from '../state/revocations.ts'
import type { ReplicatedTable } from './replicated-table.ts'

/** The revocations of all nodes. */
export class ValkeyRevocations implements RevocationStore {
  readonly #table: ReplicatedTable

  constructor(table: ReplicatedTable) {
    this.#table = table
  }

  follow(follower: RevocationFollower): void {
    this.#table.follow({
      put(_, body) {
        follower.put(JSON.parse(body) as Revocation)
      },
      remove(id) {
        follower.remove(id)
      },
    })
  }

  put(revocation: Revocation): Promise<void> {
    return this.#table.put(revocation.id, JSON.stringify(revocation))
  }

  remove(id: string): Promise<void> {
    return this.#table.remove(id)
  }
}
