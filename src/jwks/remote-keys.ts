import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import type { Key, KeySource } from '../link/key-ring.ts'
import { type KeySetConfig, RemoteKeySet } from './remote-key-set.ts'

/** How a key set is doing. */
export interface KeySetState {
  /** Host and path of its URL. */
  readonly name: string
  readonly age: number
  readonly count: number
}

/** The keys of all published JWK Sets. They outlive a reload: a set that stays in the configuration keeps its keys. */
export class RemoteKeys implements KeySource {
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  #sets: readonly RemoteKeySet[] = []
  #byKid: ReadonlyMap<string, Key> = new Map()
  #version = 0
  #localKids: ReadonlySet<string> = new Set()

  constructor(clock: Clock, warn: (message: string) => void) {
    this.#clock = clock
    this.#warn = warn
  }

  get byKid(): ReadonlyMap<string, Key> {
    return this.#byKid
  }

  get version(): number {
    return this.#version
  }

  /**
   * Takes the sets of a configuration and begins to fetch those that are new. A kid of a key file hides the
   * same kid of a set.
   */
  use(configs: readonly KeySetConfig[], localKids: Iterable<string>): void {
    const before = new Map(this.#sets.map((set) => [JSON.stringify(set.config), set]))
    this.#localKids = new Set(localKids)
    this.#sets = configs.map((config) => {
      const name = JSON.stringify(config)
      const known = before.get(name)
      before.delete(name)
      return known ?? this.#begin(config)
    })
    for (const gone of before.values()) gone.close()
    this.#gather()
  }

  /** Waits for the fetches that run, at most so long, and says which sets are still missing. */
  async settle(milliseconds: number): Promise<void> {
    if (this.#sets.length === 0) return
    const patience = new AbortController()
    await Promise.race([
      Promise.all(this.#sets.map((set) => set.idle)),
      delay(milliseconds, undefined, { signal: patience.signal }).catch(() => undefined),
    ])
    patience.abort()
    for (const { config, isFetched } of this.#sets) {
      if (!isFetched) this.#warn(`the gateway starts without the keys of ${config.url}`)
    }
  }

  unknownKid(scheme: string): void {
    for (const set of this.#sets) if (set.config.schemes.includes(scheme)) set.unknownKid()
  }

  *states(): Generator<KeySetState> {
    for (const { config, age, keys } of this.#sets) {
      const { host, pathname } = new URL(config.url)
      yield { name: host + pathname, age, count: keys.length }
    }
  }

  close(): void {
    for (const set of this.#sets) set.close()
  }

  #begin(config: KeySetConfig): RemoteKeySet {
    const set = new RemoteKeySet(config, {
      clock: this.#clock,
      warn: this.#warn,
      onChange: () => {
        this.#gather()
      },
    })
    void set.refresh()
    return set
  }

  /** All at once: a request sees the keys of before or of after. */
  #gather(): void {
    const byKid = new Map<string, Key>()
    for (const { config, keys } of this.#sets) {
      for (const key of keys) {
        if (this.#localKids.has(key.kid)) {
          this.#warn(`${config.url}: the kid ${key.kid} is that of a key file, which counts`)
        } else if (byKid.has(key.kid)) {
          this.#warn(`${config.url}: the kid ${key.kid} is in an earlier set, which counts`)
        } else byKid.set(key.kid, key)
      }
    }
    this.#byKid = byKid
    this.#version++
  }
}
