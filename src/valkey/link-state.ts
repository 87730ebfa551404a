import type { Clock } from '../base/clock.ts'
import { GatewayError } from '../base/failure.ts'
import type { SharedRate } from '../lease/rate.ts'
import { keyText } from '../state/download-ledger.ts'
import type { EmbeddedLinkState } from '../state/embedded-link-state.ts'
import { isShared } from '../state/is-shared.ts'
import type {
  Begun,
  DownloadUse,
  LinkQuestion,
  LinkSession,
  LinkState,
  Place,
  TrackedDownload,
} from '../state/link-state.ts'
import { Admission } from './admission.ts'
import type { NodeTerms } from './ask.ts'
import { Claims, type Claimed } from './claim.ts'
import type { ValkeyConnection } from './connection.ts'
import { Flows } from './flows.ts'
import { Holdings } from './holdings.ts'
import { DividedRates } from './rates.ts'
import { ADMIT_ALONE, GUARDED_ADMIT } from './scripts/admit.lua.ts'
import { SAVE } from './scripts/save.lua.ts'
import { GIVE_BACK, TEND } from './scripts/upkeep.lua.ts'
import { LocalSession, ValkeySession } from './session.ts'
import { countedKey } from './tags.ts'
import { TrackedDownloads } from './tracked-downloads.ts'
import { type Kept, Upkeep } from './upkeep.ts'

/** A lease lives through two heartbeats that are lost, and ends before the third is due. */
const TTL_MS = 4500
const BEAT_MS = 1500

export interface ValkeyLinkStateOptions {
  readonly connection: ValkeyConnection
  readonly clock: Clock
  /** Names this node among the others; no two that run have the same. */
  readonly node: string
  /** Decides while the shared state is away, where that is wanted; until then it counts what this node sees. */
  readonly local: EmbeddedLinkState
  readonly onUnavailable: 'deny' | 'local'
  /** Another download has the place of this one, which has to end. */
  readonly onLost: (download: string) => void
  /** How long a lease lives without a heartbeat, and how often one comes; shorter in tests. */
  readonly ttlMs?: number
  readonly beatMs?: number
}

/**
 * What is counted of links by all nodes together. A link without shared limits is counted here alone
 * and costs no round trip; any other costs one, or two where its download changes what others are judged by.
 */
export class ValkeyLinkState implements LinkState {
  readonly #options: ValkeyLinkStateOptions
  readonly #kept: Kept
  readonly #upkeep: Upkeep
  readonly #admission: Admission
  readonly #claims: Claims
  /** Connections of downloads without shared limits. */
  readonly #connections = new Map<string, number>()
  #heldHere = 0

  constructor(options: ValkeyLinkStateOptions) {
    this.#options = options
    const { connection, clock, node, ttlMs = TTL_MS, beatMs = BEAT_MS } = options
    connection.prepare(ORDERED)
    const terms: NodeTerms & { beatMs: number } = { node, ttlMs, beatMs }
    const changed = (): void => {
      this.#upkeep.schedule()
    }
    const downloads = new TrackedDownloads(async (download) => {
      try {
        await this.#upkeep.save(download)
      } catch {
        // bytes go on; what they used is written when the state is back
        downloads.markDirty(download)
      }
    }, changed)
    this.#kept = {
      holdings: new Holdings(),
      downloads,
      flows: new Flows(changed),
      rates: new DividedRates(connection, terms, clock),
    }
    this.#upkeep = new Upkeep(connection, terms, clock, this.#kept, options.onLost)
    this.#admission = new Admission(connection, terms, clock, this.#kept, this.#upkeep)
    this.#claims = new Claims(connection, terms, this.#kept)
  }

  get held(): number {
    return this.#admission.held + this.#heldHere
  }

  open(question: LinkQuestion): LinkSession | Promise<LinkSession> {
    return isShared(question) ? this.#openShared(question) : this.#openHere(question)
  }

  begin(session: LinkSession, use: DownloadUse): Begun | Promise<Begun> {
    if (session instanceof LocalSession) return this.#beginLocal(session, use)
    if (!(session instanceof ValkeySession)) throw new TypeError('a session of another state')
    const claimed = this.#claims.claim(session, use)
    if (!(claimed instanceof Promise)) return this.#start(session, use, claimed)
    return claimed.then(
      (answer) => this.#start(session, use, answer),
      (error: unknown) => {
        if (!this.#decidesHere(error)) throw error
        const { question } = session
        const inner = this.#options.local.open({ ...question, place: undefined })
        return this.#beginLocal(this.#admission.askHere(question, inner), use)
      },
    )
  }

  joinRate(key: string, bytesPerSecond: number): { rate: SharedRate; leave: () => void } {
    return this.#kept.rates.join(key, bytesPerSecond)
  }

  /** Ends the heartbeat; with `abrupt` as a node that dies: what it held waits for its end. */
  async close({ abrupt = false }: { readonly abrupt?: boolean } = {}): Promise<void> {
    if (!abrupt) await this.#upkeep.flush()
    this.#upkeep.close()
  }

  async #openShared(question: LinkQuestion): Promise<LinkSession> {
    const { local, onUnavailable } = this.#options
    try {
      const session = await this.#admission.ask(question)
      if (onUnavailable === 'local' && session.place.outcome === 'held') {
        session.mirror = local.open(question)
      }
      return session
    } catch (error) {
      if (!this.#decidesHere(error)) throw error
      return this.#admission.askHere(question, local.open(question))
    }
  }

  /** Counts by this node alone, and asks nobody. */
  #openHere(question: LinkQuestion): LinkSession {
    const { place, download } = question
    const text = keyText(download)
    const open = this.#connections.get(text) ?? 0
    const { downloads } = this.#kept
    if (!place) return new ValkeySession(question, NO_PLACE, [], downloads, NOTHING)
    const { maxConnections } = place
    if (open >= maxConnections) {
      const refused = { outcome: 'refused', by: 'connections', limit: maxConnections } as const
      return new ValkeySession(question, refused, [], downloads, NOTHING)
    }
    this.#connections.set(text, open + 1)
    this.#heldHere++
    return new ValkeySession(question, HELD, [], downloads, () => {
      this.#heldHere--
      const left = (this.#connections.get(text) ?? 0) - 1
      if (left > 0) this.#connections.set(text, left)
      else this.#connections.delete(text)
    })
  }

  #start(session: ValkeySession, use: DownloadUse, claimed: Claimed): Begun {
    if (claimed.outcome === 'refused') return claimed
    const { flows, downloads } = this.#kept
    const shared = downloads.begin(use, session.known, session.firstAddress)
    const download = this.#mirrored(shared, session, use, claimed)
    const { sighting, now } = use
    if (!claimed.isCounted || !sighting || use.counted.length === 0) {
      return { outcome: 'begun', download }
    }
    const leaves = use.counted.map(({ key, windowSeconds }) => {
      const { base } = countedKey(this.#options.connection.prefix, key)
      if (!claimed.recorded.has(key)) flows.see(base, { sighting, at: now, window: windowSeconds })
      return flows.enter(base, sighting)
    })
    return { outcome: 'begun', download: joined(download, leaves) }
  }

  /** Counts on this node, and for the others when they can be told. */
  #beginLocal(session: LocalSession, use: DownloadUse): Begun {
    const begun = this.#options.local.begin(session.inner, use)
    if (begun.outcome === 'refused') return begun
    const shared = this.#kept.downloads.begin(use, session.known, session.firstAddress)
    return { outcome: 'begun', download: both(shared, begun.download) }
  }

  /** An outage is decided by what this node saw before it, too. */
  #mirrored(
    shared: TrackedDownload,
    { mirror, firstAddress }: ValkeySession,
    use: DownloadUse,
    { isCounted }: Extract<Claimed, { outcome: 'claimed' }>,
  ): TrackedDownload {
    if (!mirror) return shared
    const begun = this.#options.local.begin(mirror, {
      ...use,
      pin: firstAddress ?? use.pin,
      judge: () => ({ outcome: isCounted ? 'counted' : 'uncounted' }),
    })
    return begun.outcome === 'begun' ? both(shared, begun.download) : shared
  }

  #decidesHere(error: unknown): boolean {
    const isAway = error instanceof GatewayError && error.code === 'ERR_STATE_UNAVAILABLE'
    return isAway && this.#options.onUnavailable === 'local'
  }
}

/** What one of them gives back is there for the next that asks. */
const ORDERED = [ADMIT_ALONE, GUARDED_ADMIT, GIVE_BACK, SAVE, TEND] as const
const NO_PLACE: Place = { outcome: 'none' }
const HELD: Place = { outcome: 'held' }
const NOTHING = (): void => undefined

/** A download that is counted for all nodes and by this one. */
function both(shared: TrackedDownload, local: TrackedDownload): TrackedDownload {
  return {
    text: shared.text,
    get coverage() {
      return shared.coverage
    },
    count: (start, end) => {
      const written = local.count(start, end)
      const told = shared.count(start, end)
      return written && told ? Promise.all([written, told]).then(NOTHING) : (written ?? told)
    },
    leave: () => {
      local.leave()
      shared.leave()
    },
  }
}

/** A connection of a download that also counts among those who use a link. */
function joined(download: TrackedDownload, leaves: readonly (() => void)[]): TrackedDownload {
  return {
    text: download.text,
    get coverage() {
      return download.coverage
    },
    count: (start, end) => download.count(start, end),
    leave: () => {
      for (const leave of leaves) leave()
      download.leave()
    },
  }
}
