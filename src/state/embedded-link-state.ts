import type { DatabaseSync } from 'node:sqlite'
import type { Address } from '../base/address.ts'
import type { Clock, EpochSeconds } from '../base/clock.ts'
import { NO_SIGHTINGS, type Sightings } from '../base/sightings.ts'
import { EmbeddedLeaseStore } from '../lease/embedded-lease-store.ts'
import type { Lease, LeaseStore } from '../lease/lease.ts'
import { RateRegistry } from '../lease/rate.ts'
import { DownloadLedger, keyText, type KnownDownload } from './download-ledger.ts'
import type {
  Begun,
  DownloadUse,
  LinkQuestion,
  LinkSession,
  LinkState,
  Place,
  TrackedDownload,
} from './link-state.ts'
import { SharingLedger } from './sharing-ledger.ts'
import type { SharingStore } from './sharing-store.ts'

/** Where the parts of what is counted are kept. */
interface EmbeddedParts {
  readonly ledger: DownloadLedger
  readonly sharing: SharingStore
  readonly leases: LeaseStore
  readonly rates: RateRegistry
}

/** What is counted of links, by one process: it answers at once, and always with what is so now. */
export class EmbeddedLinkState implements LinkState {
  readonly #parts: EmbeddedParts

  constructor(database: DatabaseSync, clock: Clock) {
    this.#parts = {
      ledger: new DownloadLedger(database),
      sharing: new SharingLedger(database),
      leases: new EmbeddedLeaseStore(),
      rates: new RateRegistry(clock),
    }
  }

  get held(): number {
    return this.#parts.leases.held
  }

  open(question: LinkQuestion): LinkSession {
    return new EmbeddedSession(this.#parts, question)
  }

  begin(session: LinkSession, use: DownloadUse): Begun {
    const { ledger, sharing } = this.#parts
    if (use.pin) ledger.pin(use.key.link, use.pin, use.expires)
    const verdict = use.judge(session)
    if (verdict.outcome === 'refused') return verdict
    const download = ledger.begin(use)
    const { sighting } = use
    if (verdict.outcome === 'uncounted' || !sighting || use.counted.length === 0) {
      return { outcome: 'begun', download }
    }
    const leaves = use.counted.map(({ key, windowSeconds }) => {
      sharing.record(key, sighting, use.now, windowSeconds)
      return sharing.enter(key, sighting)
    })
    return { outcome: 'begun', download: new CountedDownload(download, leaves) }
  }

  joinRate(key: string, bytesPerSecond: number): ReturnType<RateRegistry['join']> {
    return this.#parts.rates.join(key, bytesPerSecond)
  }

  /** Writes what was not written since it changed. */
  checkpoint(): void {
    this.#parts.ledger.checkpoint()
  }

  /** Forgets what nobody asks for any more. */
  prune(now: EpochSeconds): void {
    this.#parts.ledger.prune(now)
    this.#parts.sharing.prune(now)
  }
}

/** Looks up what it is asked at the moment when it is asked. */
class EmbeddedSession implements LinkSession {
  readonly place: Place
  readonly #parts: EmbeddedParts
  readonly #question: LinkQuestion
  readonly #lease: Lease | undefined

  constructor(parts: EmbeddedParts, question: LinkQuestion) {
    this.#parts = parts
    this.#question = question
    const { place, download } = question
    if (!place) {
      this.place = NO_PLACE
      return
    }
    const taken = parts.leases.acquire({ download: keyText(download), ...place })
    if (taken.outcome === 'held') {
      this.#lease = taken.lease
      this.place = HELD
    } else this.place = taken
  }

  get known(): KnownDownload | undefined {
    return this.#parts.ledger.find(this.#question.download)
  }

  get spent(): number {
    return this.#parts.ledger.spent(this.#question.download.link)
  }

  get reserved(): number {
    const { download } = this.#question
    return this.#parts.ledger.reserved(download.link, download)
  }

  get firstAddress(): Address | undefined {
    return this.#parts.ledger.firstAddress(this.#question.download.link)
  }

  sightings(key: string): Sightings {
    const asked = this.#question.sightings.find((one) => one.key === key)
    return asked ? this.#parts.sharing.sightings(key, asked.after) : NO_SIGHTINGS
  }

  release(): void {
    this.#lease?.release()
  }
}

const NO_PLACE: Place = { outcome: 'none' }
const HELD: Place = { outcome: 'held' }

/** A connection of a download that also counts among those who use a link. */
class CountedDownload implements TrackedDownload {
  readonly text: string
  readonly #download: TrackedDownload
  readonly #leaves: readonly (() => void)[]

  constructor(download: TrackedDownload, leaves: readonly (() => void)[]) {
    this.text = download.text
    this.#download = download
    this.#leaves = leaves
  }

  get coverage(): number {
    return this.#download.coverage
  }

  count(start: number, end: number): Promise<void> | undefined {
    return this.#download.count(start, end)
  }

  leave(): void {
    for (const leave of this.#leaves) leave()
    this.#download.leave()
  }
}
