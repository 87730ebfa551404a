import type { Clock } from '../base/clock.ts'
import { keyText } from '../state/download-ledger.ts'
import { isShared } from '../state/is-shared.ts'
import type { LinkQuestion, LinkSession, Place } from '../state/link-state.ts'
import { admit, type AdmitReply, type NodeTerms } from './ask.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Held, Holding } from './holdings.ts'
import { LocalSession, ValkeySession } from './session.ts'
import { countedKey, digest, linkBase } from './tags.ts'
import type { Kept, Upkeep } from './upkeep.ts'

/** What is asked of one tag. */
interface Part {
  readonly base: string
  readonly holding: Holding | undefined
  readonly limits: { readonly counted: string; readonly max: number; readonly order: number }[]
  sightings: { readonly key: string; readonly after: number } | undefined
}

/** Looks up and takes places: each tag is asked at the same time, most links have one. */
export class Admission {
  readonly #connection: ValkeyConnection
  readonly #terms: NodeTerms
  readonly #clock: Clock
  readonly #kept: Kept
  readonly #upkeep: Upkeep
  #held = 0

  constructor(
    connection: ValkeyConnection,
    terms: NodeTerms,
    clock: Clock,
    kept: Kept,
    upkeep: Upkeep,
  ) {
    this.#connection = connection
    this.#terms = terms
    this.#clock = clock
    this.#kept = kept
    this.#upkeep = upkeep
  }

  /** Connections that have a place. */
  get held(): number {
    return this.#held
  }

  async ask(question: LinkQuestion): Promise<ValkeySession> {
    const parts = this.#partsOf(question)
    // what was given back here is read before what is asked now
    void this.#upkeep.flush()
    const answers = await Promise.allSettled(parts.map((part) => this.#admit(part, question)))
    const held: Held[] = []
    for (const [i, answer] of answers.entries()) {
      const part = parts[i]
      if (part && answer.status === 'fulfilled')
        held.push(...this.#heldBy(part, question, answer.value))
    }
    for (const { holding } of parts) {
      if (holding) this.#kept.holdings.tidy(holding, this.#clock.monotonic())
    }
    const failed = answers.find((answer) => answer.status === 'rejected')
    if (failed) {
      this.#give(held)
      throw failed.reason
    }
    const replies = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    const place = question.place ? placeOf(parts, replies) : NO_PLACE
    if (place.outcome === 'refused') this.#give(held.splice(0))
    const onRelease = this.#untilReleased(place)
    const session = new ValkeySession(question, place, held, this.#kept.downloads, onRelease)
    for (const [i, reply] of replies.entries()) {
      const isLink = i === 0
      if (isLink) session.learn(place.outcome === 'held' ? reply : { ...reply, reserves: false })
      const asked = parts[i]?.sightings
      if (asked) session.see(asked.key, reply, asked.after)
    }
    return session
  }

  /** A session of this node alone; its places are written to the server when that is back. */
  askHere(question: LinkQuestion, inner: LinkSession): LocalSession {
    const held: Held[] = []
    if (inner.place.outcome === 'held') {
      for (const part of this.#partsOf(question)) {
        if (!part.holding) continue
        part.holding.isForced = true
        held.push(...this.#take(part, question, part.holding))
      }
    }
    return new LocalSession(inner, held, this.#untilReleased(inner.place))
  }

  /** Counts a connection that has a place; what is returned gives that back. */
  #untilReleased({ outcome }: Place): (given: readonly Held[]) => void {
    const connections = outcome === 'held' ? 1 : 0
    this.#held += connections
    return (given) => {
      this.#held -= connections
      this.#give(given)
    }
  }

  #give(held: readonly Held[]): void {
    for (const one of held) this.#kept.holdings.give(one)
    if (held.length > 0) this.#upkeep.schedule()
  }

  #partsOf({ download, place, sightings }: LinkQuestion): Part[] {
    const { prefix } = this.#connection
    const text = keyText(download)
    const parts = new Map<string, Part>()
    const partOf = (base: string, isCounted: boolean): Part => {
      let part = parts.get(base)
      if (!part) {
        const holding = isCounted ? this.#kept.holdings.of(base, text) : undefined
        part = { base, holding, limits: [], sightings: undefined }
        parts.set(base, part)
      }
      return part
    }
    partOf(linkBase(prefix, download.link), place !== undefined)
    for (const [order, { key, max }] of (place?.limits ?? []).entries()) {
      const { base, counted } = countedKey(prefix, key)
      partOf(base, true).limits.push({ counted, max, order })
    }
    for (const asked of sightings) {
      partOf(countedKey(prefix, asked.key).base, false).sightings = asked
    }
    return [...parts.values()]
  }

  async #admit(
    { base, holding, limits, sightings }: Part,
    question: LinkQuestion,
  ): Promise<AdmitReply> {
    const { download, place, uses, wantsFirstAddress, wantsDownload } = question
    const isLink = base === linkBase(this.#connection.prefix, download.link)
    const wasUp = this.#connection.isUp
    const askedAt = this.#clock.monotonic()
    if (holding) holding.pending++
    try {
      const reply = await admit(this.#connection, this.#terms, base, {
        download: digest(keyText(download)),
        // what is forgotten must not look like what never was
        isGuarded: place !== undefined && isShared(question),
        ...(isLink && {
          known: wantsDownload || uses !== undefined,
          first: wantsFirstAddress,
          max: uses?.max,
        }),
        after: sightings?.after,
        place: place &&
          holding && {
            maxConnections: isLink ? place.maxConnections : undefined,
            limits: limits.map(({ counted, max }) => ({
              counted,
              max: max === Infinity ? -1 : max,
            })),
            mine: Object.fromEntries(holding.counts),
          },
      })
      if (holding && reply.place === 'held') holding.confirmedAt = askedAt
      return reply
    } catch (error) {
      // it may have taken what it asked for all the same
      if (holding && wasUp) holding.doubtfulUntil = this.#clock.monotonic() + this.#terms.ttlMs
      throw error
    } finally {
      if (holding) holding.pending--
    }
  }

  #heldBy(part: Part, question: LinkQuestion, reply: AdmitReply): Held[] {
    if (!part.holding || reply.place !== 'held') return []
    const held = this.#take(part, question, part.holding)
    if (reply.reserves === true && question.uses) {
      held.push(this.#kept.holdings.take(part.holding, 'use', question.uses.max))
    }
    return held
  }

  #take({ base, limits }: Part, { download }: LinkQuestion, holding: Holding): Held[] {
    const { holdings } = this.#kept
    const held = limits.map(({ counted, max }) => holdings.take(holding, counted, max))
    if (base === linkBase(this.#connection.prefix, download.link)) {
      held.push(holdings.take(holding, 'connections', Infinity))
    }
    return held
  }
}

const NO_PLACE: Place = { outcome: 'none' }

/** The first refusal, in the order in which one machine would ask. */
function placeOf(parts: readonly Part[], replies: readonly AdmitReply[]): Place {
  const refusals = replies.flatMap((reply, i) => {
    if (reply.place !== 'refused' || reply.limit === undefined) return []
    const by = reply.by ?? 'downloads'
    const limit = parts[i]?.limits.find(({ counted }) => counted === reply.counted)
    const order = by === 'connections' ? -1 : (limit?.order ?? Infinity)
    return [{ order, place: { outcome: 'refused', by, limit: reply.limit } as const }]
  })
  const [first] = refusals.toSorted((a, b) => a.order - b.order)
  return first?.place ?? { outcome: 'held' }
}
