import type { EpochSeconds } from '../base/clock.ts'
import type { Flow, NetworkSighting, Sightings } from '../base/sightings.ts'

/** Remembers from where links are used, by the keys that they are counted by. */
export interface SharingStore {
  /** What was seen after a moment, and what runs now. */
  sightings(key: string, after: EpochSeconds): Sightings
  /** Remembers a use for `windowSeconds`. */
  record(key: string, sighting: NetworkSighting, now: EpochSeconds, windowSeconds: number): void
  /** A transfer begins; what is returned ends it, once. */
  enter(key: string, flow: Flow): () => void
  /** Forgets what no window holds any more. */
  prune(now: EpochSeconds): void
}
