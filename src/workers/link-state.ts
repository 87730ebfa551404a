import type { Address } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import { GatewayError } from '../base/failure.ts'
import type { Sightings } from '../base/sightings.ts'
import type { JoinedRate } from '../lease/rate.ts'
import { keyText, type KnownDownload } from '../state/download-ledger.ts'
import { isShared } from '../state/is-shared.ts'
import type {
  Begun,
  DownloadUse,
  LinkQuestion,
  LinkSession,
  LinkState,
  Place,
} from '../state/link-state.ts'
import type { BeginAnswer, PlainUse, PrimaryChannel } from './calls.ts'
import { type LinkSnapshot, SnapshotReader } from './link-snapshot.ts'
import { OwnConnections } from './own-connections.ts'
import { WorkerDownload } from './worker-download.ts'
import { WorkerFlows } from './worker-flows.ts'

/** Others may change what a download is judged by; one that is passed so often is given up. */
const MAX_TRIES = 50

/**
 * What is counted of links, by the primary for all workers. A link without limits is counted here alone
 * and asks nobody.
 */
export class WorkerLinkState implements LinkState {
  readonly #channel: PrimaryChannel
  readonly #flows: WorkerFlows
  readonly #connections: OwnConnections
  readonly #downloads = new Set<WorkerDownload>()
  #next = 0
  #held = 0
  #lastLeft: WorkerDownload | undefined

  constructor(channel: PrimaryChannel, clock: Clock, workers: number) {
    this.#channel = channel
    this.#flows = new WorkerFlows(channel, clock, workers)
    this.#connections = new OwnConnections()
  }

  get held(): number {
    return this.#held + this.#connections.held
  }

  /** Connections that hold a place of which the primary does not know. */
  get heldHere(): number {
    return this.#connections.held
  }

  get flows(): WorkerFlows {
    return this.#flows
  }

  open(question: LinkQuestion): LinkSession | Promise<LinkSession> {
    return isShared(question) ? this.#ask(question) : this.#connections.open(question)
  }

  begin(session: LinkSession, use: DownloadUse): Begun | Promise<Begun> {
    if (session instanceof AskedSession) return this.#beginAsked(session, use)
    const verdict = use.judge(session)
    if (verdict.outcome === 'refused') return verdict
    return { outcome: 'begun', download: this.#track(this.#next++, plain(use), undefined) }
  }

  joinRate(key: string, bytesPerSecond: number): JoinedRate {
    return this.#flows.join(key, bytesPerSecond)
  }

  /** Tells the primary how far the open downloads are. */
  report(): void {
    for (const download of this.#downloads) download.report()
  }

  /**
   * The download that a connection left just now, if the primary knows of it: the record of the
   * connection is made in the same breath.
   */
  takeLastLeft(): string | undefined {
    const last = this.#lastLeft
    this.#lastLeft = undefined
    return last?.isKnown === true ? last.text : undefined
  }

  async #ask(question: LinkQuestion): Promise<AskedSession> {
    const id = this.#next++
    const { place, snapshot } = await this.#channel.ask('open', { session: id, question })
    if (place.outcome === 'held') this.#held++
    return new AskedSession(id, place, snapshot, () => {
      if (place.outcome === 'held') this.#held--
      this.#channel.tell('release', { session: id })
    })
  }

  /** Judges again whenever others changed meanwhile what the verdict was made of. */
  async #beginAsked(session: AskedSession, use: DownloadUse): Promise<Begun> {
    const download = this.#next++
    const plainUse = plain(use)
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (use.pin) session.reader.pin(use.pin)
      const verdict = use.judge(session)
      if (verdict.outcome === 'refused') return verdict
      const answer: BeginAnswer = await this.#channel.ask('begin', {
        session: session.id,
        download,
        use: plainUse,
        verdict: verdict.outcome,
        snapshot: session.reader.snapshot,
      })
      if (answer.outcome === 'begun') {
        return { outcome: 'begun', download: this.#track(download, plainUse, answer) }
      }
      session.reader.learn(answer.snapshot)
    }
    throw new GatewayError('ERR_STATE_UNAVAILABLE', 'others change what this download is judged by')
  }

  #track(
    id: number,
    use: PlainUse,
    known: Extract<BeginAnswer, { outcome: 'begun' }> | undefined,
  ): WorkerDownload {
    const download: WorkerDownload = new WorkerDownload(
      keyText(use.key),
      use,
      {
        ask: (edges) => this.#channel.ask('count', { download: id, edges }),
        tell: (name, more) => {
          this.#channel.tell(name, { download: id, ...more } as never)
        },
        onLeave: () => {
          this.#downloads.delete(download)
          this.#lastLeft = download
        },
      },
      known,
    )
    this.#downloads.add(download)
    return download
  }
}

/** A session that the primary holds. */
class AskedSession implements LinkSession {
  readonly id: number
  readonly place: Place
  readonly reader: SnapshotReader
  readonly #onRelease: () => void
  #isReleased = false

  constructor(id: number, place: Place, snapshot: LinkSnapshot, onRelease: () => void) {
    this.id = id
    this.place = place
    this.reader = new SnapshotReader(snapshot)
    this.#onRelease = onRelease
  }

  get known(): KnownDownload | undefined {
    return this.reader.known
  }

  get spent(): number {
    return this.reader.snapshot.spent
  }

  get reserved(): number {
    return this.reader.snapshot.reserved
  }

  get firstAddress(): Address | undefined {
    return this.reader.firstAddress
  }

  sightings(key: string): Sightings {
    return this.reader.sightings(key)
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#onRelease()
  }
}

function plain(use: DownloadUse): PlainUse {
  const { key, etag, size, now, expires, uses, mayResume, pin, sighting, counted } = use
  return { key, etag, size, now, expires, uses, mayResume, pin: pin?.text, sighting, counted }
}
