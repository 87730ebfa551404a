import type { RemoteKeys } from '../jwks/remote-keys.ts'
import type { Loaded, LoadedWithLists } from './load-or-throw.ts'
import type { Runtime } from './runtime.ts'

export interface LiveRuntimeOptions {
  readonly first: Loaded
  readonly build: (from: Loaded) => Runtime
  readonly remoteKeys: RemoteKeys
}

/** The configuration in force, and what it was made of. */
export class LiveRuntime {
  readonly #build: LiveRuntimeOptions['build']
  readonly #remoteKeys: RemoteKeys
  #loaded: Loaded
  #current: Runtime

  constructor({ first, build, remoteKeys }: LiveRuntimeOptions) {
    this.#build = build
    this.#remoteKeys = remoteKeys
    this.#loaded = first
    this.#current = build(first)
    this.#useRemoteKeys()
  }

  get loaded(): Loaded {
    return this.#loaded
  }

  get current(): Runtime {
    return this.#current
  }

  /** Puts another configuration in the place of this one; with a failure this one stays. */
  take({ loaded, prepared }: LoadedWithLists): Runtime {
    let next: Runtime
    try {
      next = this.#build(loaded)
    } catch (error) {
      prepared.discard()
      throw error
    }
    prepared.use()
    this.#current.close()
    this.#current = next
    this.#loaded = loaded
    this.#useRemoteKeys()
    return next
  }

  close(): void {
    this.#current.close()
  }

  #useRemoteKeys(): void {
    this.#remoteKeys.use(
      this.#current.config.keys.jwks,
      this.#loaded.keys.map(({ kid }) => kid),
    )
  }
}
