import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Revocation } from './revocation-index.ts'
import type { RevocationFollower, RevocationStore } from './revocations.ts'

/** The revocations of one machine, on its disk. A change is in force when its call returns. */
export class SqliteRevocations implements RevocationStore {
  readonly #all: StatementSync
  readonly #insert: StatementSync
  readonly #delete: StatementSync
  #follower: RevocationFollower | undefined

  constructor(database: DatabaseSync) {
    this.#all = database.prepare('SELECT body FROM revocation ORDER BY created, id')
    this.#insert = database.prepare('INSERT INTO revocation (id, body, created) VALUES (?, ?, ?)')
    this.#delete = database.prepare('DELETE FROM revocation WHERE id = ?')
  }

  follow(follower: RevocationFollower): void {
    this.#follower = follower
    for (const row of this.#all.all()) {
      follower.put(JSON.parse(String(row['body'])) as Revocation)
    }
  }

  async put(revocation: Revocation): Promise<void> {
    this.#insert.run(revocation.id, JSON.stringify(revocation), revocation.created_at)
    this.#follower?.put(revocation)
  }

  async remove(id: string): Promise<void> {
    this.#delete.run(id)
    this.#follower?.remove(id)
  }
}
