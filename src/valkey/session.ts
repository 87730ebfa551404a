import { type Address, parseAddress } from '../base/address.ts'
import { NO_SIGHTINGS, type Sightings } from '../base/sightings.ts'
import { keyText, type KnownDownload } from '../state/download-ledger.ts'
import type { LinkQuestion, LinkSession, Place } from '../state/link-state.ts'
import type { AdmitReply } from './ask.ts'
import type { Held } from './holdings.ts'
import { readSeen, type Seen } from './seen.ts'
import { readKnown, type TrackedDownloads } from './tracked-downloads.ts'

/** What the server answered about a link, brought up to date by what it answers later. */
export class ValkeySession implements LinkSession {
  readonly question: LinkQuestion
  readonly place: Place
  readonly held: Held[]
  spent = 0
  reserved = 0
  /** Whether this download holds a use. */
  reserves = false
  /** No use was left when this download asked for one. */
  isFull = false
  firstAddress: Address | undefined
  /** The same by what this node saw, where that decides while the server is away. */
  mirror: LinkSession | undefined
  readonly #downloads: TrackedDownloads
  readonly #onRelease: (held: readonly Held[]) => void
  #isReleased = false
  readonly #seen = new Map<string, Seen>()
  #known: KnownDownload | undefined

  constructor(
    question: LinkQuestion,
    place: Place,
    held: Held[],
    downloads: TrackedDownloads,
    onRelease: (held: readonly Held[]) => void,
  ) {
    this.question = question
    this.place = place
    this.held = held
    this.#downloads = downloads
    this.#onRelease = onRelease
  }

  get known(): KnownDownload | undefined {
    return this.#downloads.find(keyText(this.question.download)) ?? this.#known
  }

  sightings(key: string): Sightings {
    return this.#seen.get(key)?.sightings ?? NO_SIGHTINGS
  }

  /** What a claim has to find unchanged; of what was never looked at, nothing that it could find. */
  version(key: string): number {
    return this.#seen.get(key)?.version ?? -1
  }

  /** Takes over what the server says of the link. */
  learn(
    reply: Partial<Pick<AdmitReply, 'spent' | 'reserved' | 'reserves' | 'first' | 'known'>>,
  ): void {
    if (reply.spent !== undefined) this.spent = reply.spent
    if (reply.reserved !== undefined) this.reserved = reply.reserved
    if (reply.reserves === true) this.reserves = true
    if (reply.first !== undefined) this.firstAddress = parseAddress(reply.first)
    if (!reply.known) return
    this.#known = readKnown(reply.known)
    const open = this.#downloads.find(keyText(this.question.download))
    if (open?.isOf(this.#known)) open.learn(reply.known)
  }

  /** Takes over what the server says of one key. */
  see(key: string, reply: Pick<AdmitReply, 'seen'>, after: number): void {
    if (reply.seen) this.#seen.set(key, readSeen(reply.seen, after))
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.mirror?.release()
    this.#onRelease(this.held.splice(0))
  }
}

/** A session of the state of this node, while the shared one is away. */
export class LocalSession implements LinkSession {
  readonly inner: LinkSession
  readonly #held: Held[]
  readonly #onRelease: (held: readonly Held[]) => void
  #isReleased = false

  constructor(inner: LinkSession, held: Held[], onRelease: (held: readonly Held[]) => void) {
    this.inner = inner
    this.#held = held
    this.#onRelease = onRelease
  }

  get place(): Place {
    return this.inner.place
  }

  get known(): KnownDownload | undefined {
    return this.inner.known
  }

  get spent(): number {
    return this.inner.spent
  }

  get reserved(): number {
    return this.inner.reserved
  }

  get firstAddress(): Address | undefined {
    return this.inner.firstAddress
  }

  sightings(key: string): Sightings {
    return this.inner.sightings(key)
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.inner.release()
    this.#onRelease(this.#held.splice(0))
  }
}
