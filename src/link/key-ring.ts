import type { KeyObject } from 'node:crypto'
import type { EpochSeconds } from '../base/clock.ts'

/** Which key it was, and for how long it counts. */
export interface KeyIdentity {
  readonly kid: string
  /** A JOSE algorithm name (RFC 7518 section 3.1), or `bearer` for a client of an API. */
  readonly alg: string
  readonly notBefore: EpochSeconds | undefined
  readonly retireAt: EpochSeconds | undefined
}

/** One key, bound to its algorithm and to the link formats it may sign or verify. */
export interface Key extends KeyIdentity {
  readonly schemes: ReadonlySet<string>
  readonly verifyKey: KeyObject
  /** Absent when only the public half is here. */
  readonly signKey: KeyObject | undefined
}

export function isActive(key: KeyIdentity, now: EpochSeconds): boolean {
  return now >= (key.notBefore ?? 0) && now < (key.retireAt ?? Infinity)
}

/** The keys of a gateway by `kid`. Immutable: a reload makes a new ring. */
export class KeyRing {
  readonly #byKid = new Map<string, Key>()

  constructor(keys: Iterable<Key>) {
    for (const key of keys) this.#byKid.set(key.kid, key)
  }

  /** The key that a link names, if it is active and meant for the scheme. */
  find(kid: string, scheme: string, now: EpochSeconds): Key | undefined {
    const key = this.#byKid.get(kid)
    return key?.schemes.has(scheme) && isActive(key, now) ? key : undefined
  }

  /** The one active key of a scheme and algorithm, for tokens without a `kid`. */
  only(scheme: string, alg: string, now: EpochSeconds): Key | undefined {
    const fitting = [...this.#byKid.values()].filter(
      (key) => key.alg === alg && key.schemes.has(scheme) && isActive(key, now),
    )
    return fitting.length === 1 ? fitting[0] : undefined
  }

  /** The key that new links of a scheme are signed with: the active one that became active last. */
  signer(scheme: string, now: EpochSeconds): Key | undefined {
    let newest: Key | undefined
    for (const key of this.#byKid.values()) {
      if (!key.signKey || !key.schemes.has(scheme) || !isActive(key, now)) continue
      if (!newest || (key.notBefore ?? 0) >= (newest.notBefore ?? 0)) newest = key
    }
    return newest
  }

  [Symbol.iterator](): IterableIterator<Key> {
    return this.#byKid.values()
  }
}
