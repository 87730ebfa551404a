import { digestText } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import type { Key } from '../link/key-ring.ts'
import { fetchText } from './fetch-text.ts'
import { readKeySet } from './read-key-set.ts'

/** A JWK Set that somebody publishes, and the link formats that its keys may verify. */
export interface KeySetConfig {
  readonly url: string
  readonly schemes: readonly string[]
  readonly refreshSeconds: number
}

export interface KeySetSurroundings {
  readonly clock: Clock
  readonly warn: (message: string) => void
  /** Hears that the keys are others now. */
  readonly onChange: () => void
}

/** A kid that nobody knows makes the set be fetched at most so often. */
const UNKNOWN_KID_MS = 60_000
/** After a fetch that failed the next one comes no later than this. */
const RETRY_SECONDS = 60

/**
 * One published JWK Set. It is fetched again at its interval; an outage or a broken answer leaves the last
 * good one in force.
 */
export class RemoteKeySet {
  readonly config: KeySetConfig
  readonly #surroundings: KeySetSurroundings
  readonly #startedAt: number
  readonly #ending = new AbortController()
  #keys: readonly Key[] = []
  #digest: string | undefined
  #fetchedAt: number | undefined
  #unknownAt: number | undefined
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(config: KeySetConfig, surroundings: KeySetSurroundings) {
    this.config = config
    this.#surroundings = surroundings
    this.#startedAt = surroundings.clock.monotonic()
  }

  /** Those of the last good answer. */
  get keys(): readonly Key[] {
    return this.#keys
  }

  get isFetched(): boolean {
    return this.#fetchedAt !== undefined
  }

  /** Seconds since the last good answer, or since there is none. */
  get age(): number {
    return (this.#surroundings.clock.monotonic() - (this.#fetchedAt ?? this.#startedAt)) / 1000
  }

  /** Settles when no fetch runs. */
  get idle(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  /** Settles when the fetch that runs, or begins now, is over. Never rejects. */
  refresh(): Promise<void> {
    return (this.#running ??= this.#fetch().finally(() => {
      this.#running = undefined
    }))
  }

  /** A link names a kid that no key has: perhaps it is a new one. */
  unknownKid(): void {
    const now = this.#surroundings.clock.monotonic()
    if (this.#unknownAt !== undefined && now - this.#unknownAt < UNKNOWN_KID_MS) return
    this.#unknownAt = now
    void this.refresh()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#ending.abort()
  }

  async #fetch(): Promise<void> {
    clearTimeout(this.#timer)
    const { url, refreshSeconds } = this.config
    const answer = await fetchText(url, this.#ending.signal)
    if (this.#ending.signal.aborted) return
    const why = 'why' in answer ? answer.why : this.#take(answer.text)
    if (why !== undefined) this.#surroundings.warn(`${url}: ${why}; ${this.#whatStays()}`)
    const seconds = why === undefined ? refreshSeconds : Math.min(refreshSeconds, RETRY_SECONDS)
    this.#timer = setTimeout(() => void this.refresh(), seconds * 1000).unref()
  }

  /** Puts an answer in force, or says why not. */
  #take(text: string): string | undefined {
    const { clock, warn, onChange } = this.#surroundings
    const { url, schemes } = this.config
    const digest = digestText(text)
    if (digest !== this.#digest) {
      const read = readKeySet(text, schemes, url)
      if (!read) return 'the answer is no JWK Set'
      for (const why of read.leftOut) warn(`${url}: a key is left out: ${why}`)
      this.#keys = read.keys
      this.#digest = digest
      onChange()
    }
    this.#fetchedAt = clock.monotonic()
    return undefined
  }

  #whatStays(): string {
    return this.isFetched ? `its ${this.#keys.length} keys stay` : 'none of its keys is known yet'
  }
}
