import { randomUUID } from 'node:crypto'
import type { EpochSeconds } from '../base/clock.ts'
import {
  type RevocableLink,
  type Revocation,
  RevocationIndex,
  type RevocationTarget,
} from './revocation-index.ts'

/** Is told of what is kept, and of each change, by whomever it was made. */
export interface RevocationFollower {
  put(revocation: Revocation): void
  remove(id: string): void
}

/** Where revocations are kept. A change is kept, and told to the follower, when its promise resolves. */
export interface RevocationStore {
  /** Tells what is kept so far, the oldest first, and from then on each change. */
  follow(follower: RevocationFollower): void
  put(revocation: Revocation): Promise<void>
  remove(id: string): Promise<void>
}

/** All revocations: asked in memory, kept in a store. */
export class RevocationList {
  readonly #store: RevocationStore
  readonly #index = new RevocationIndex()

  readonly #onFailure: (error: unknown) => void

  /** `onFailure` is told when what `withdraw` was to add is not kept. */
  constructor(
    store: RevocationStore,
    onFailure = (error: unknown): void => {
      throw error
    },
  ) {
    this.#store = store
    this.#onFailure = onFailure
    store.follow(this.#index)
  }

  /** It is in force when the promise resolves. */
  async add(target: RevocationTarget, now: EpochSeconds): Promise<Revocation> {
    const revocation = { id: randomUUID(), created_at: now, ...target }
    await this.#store.put(revocation)
    return revocation
  }

  /** Adds without anybody waiting: what is judged does not depend on it. */
  withdraw(target: RevocationTarget, now: EpochSeconds): void {
    this.add(target, now).catch(this.#onFailure)
  }

  /** False when there is none of this id. */
  async remove(id: string): Promise<boolean> {
    if (!this.#index.get(id)) return false
    await this.#store.remove(id)
    return true
  }

  list(): Revocation[] {
    return this.#index.list()
  }

  get(id: string): Revocation | undefined {
    return this.#index.get(id)
  }

  /** The id of a revocation that covers the link at this path, or undefined. */
  find(link: RevocableLink, path: string): string | undefined {
    return this.#index.find(link, path)
  }
}
