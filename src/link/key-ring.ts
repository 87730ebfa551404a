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
  /** `enc` for keys that decrypt claims; others sign and verify. */
  readonly use?: string
  /** The only issuer whose links it verifies, for formats that have issuers. */
  readonly issuer?: string
  readonly verifyKey: KeyObject
  /** Absent when only the public half is here. */
  readonly signKey: KeyObject | undefined
}

export function isActive(key: KeyIdentity, now: EpochSeconds): boolean {
  return now >= (key.notBefore ?? 0) && now < (key.retireAt ?? Infinity)
}

/** Keys that come and go while the gateway runs. */
export interface KeySource {
  /** Those in force; another map when they change. */
  readonly byKid: ReadonlyMap<string, Key>
  /** Another number whenever a key came or went. */
  readonly version: number
  /** Hears that a link of the scheme names a key that is not known. */
  unknownKid(scheme: string): void
}

/** The keys of a gateway by `kid`. Those of files stay as they are, a reload makes a new ring; those of a source change. */
export class KeyRing {
  readonly #byKid = new Map<string, Key>()
  readonly #source: KeySource | undefined

  constructor(keys: Iterable<Key>, source?: KeySource) {
    for (const key of keys) this.#byKid.set(key.kid, key)
    this.#source = source
  }

  /** Another number whenever what was verified may be so no more. */
  get version(): number {
    return this.#source?.version ?? 0
  }

  /** The key of a kid, whatever it is for. */
  get(kid: string): Key | undefined {
    return this.#byKid.get(kid) ?? this.#source?.byKid.get(kid)
  }

  /** The key that a link names, if it is active and meant for the scheme. */
  find(kid: string, scheme: string, now: EpochSeconds): Key | undefined {
    const key = this.get(kid)
    if (!key) this.#source?.unknownKid(scheme)
    return key?.schemes.has(scheme) && isActive(key, now) ? key : undefined
  }

  /** The one active key of a scheme and algorithm, for tokens without a `kid`. */
  only(scheme: string, alg: string, now: EpochSeconds): Key | undefined {
    const fitting = this.#known().filter(
      (key) => key.alg === alg && key.schemes.has(scheme) && isActive(key, now),
    )
    return fitting.length === 1 ? fitting[0] : undefined
  }

  /** Every active key of a scheme, for formats whose links name none: the newest first. */
  all(scheme: string, now: EpochSeconds): Key[] {
    return this.#known()
      .filter((key) => key.schemes.has(scheme) && key.use !== 'enc' && isActive(key, now))
      .sort((x, y) => (y.notBefore ?? 0) - (x.notBefore ?? 0))
  }

  /** The key that new links of a scheme are signed with: the active one that became active last. */
  signer(
    scheme: string,
    now: EpochSeconds,
    isFit: (key: Key) => boolean = () => true,
  ): Key | undefined {
    let newest: Key | undefined
    for (const key of this.#byKid.values()) {
      if (!key.signKey || key.use === 'enc' || !key.schemes.has(scheme) || !isActive(key, now))
        continue
      if (!isFit(key)) continue
      if (!newest || (key.notBefore ?? 0) >= (newest.notBefore ?? 0)) newest = key
    }
    return newest
  }

  /** Those of files. */
  [Symbol.iterator](): IterableIterator<Key> {
    return this.#byKid.values()
  }

  #known(): Key[] {
    const keys = [...this.#byKid.values()]
    for (const key of this.#source?.byKid.values() ?? []) {
      if (!this.#byKid.has(key.kid)) keys.push(key)
    }
    return keys
  }
}
