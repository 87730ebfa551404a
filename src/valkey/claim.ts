import { GatewayError } from '../base/failure.ts'
import type { Refusal } from '../base/refusal.ts'
import { keyText } from '../state/download-ledger.ts'
import type { DownloadUse, UseVerdict } from '../state/link-state.ts'
import { ask, type ClaimReply, type NodeTerms } from './ask.ts'
import type { ValkeyConnection } from './connection.ts'
import type { Undone } from './flows.ts'
import { CLAIM } from './scripts/claim.lua.ts'
import { isKnown } from './seen.ts'
import type { ValkeySession } from './session.ts'
import { countedKey, digest, linkBase } from './tags.ts'
import type { Kept } from './upkeep.ts'

/** Others may change what a claim was judged by; one that is passed so often is given up. */
const MAX_TRIES = 5

interface Claim {
  readonly base: string
  /** The key that the use is recorded by, where it has to be recorded. */
  readonly counted: { readonly key: string; readonly after: number } | undefined
  readonly question: object
}

export type Claimed =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | {
      readonly outcome: 'claimed'
      readonly isCounted: boolean
      /** Keys under which the server has the use already. */
      readonly recorded: ReadonlySet<string>
    }

type NewUses = Map<string, Undone>

/** Pins, reserves and records downloads that begin; for those that change nothing the server is not asked. */
export class Claims {
  readonly #connection: ValkeyConnection
  readonly #terms: NodeTerms
  readonly #kept: Kept

  constructor(connection: ValkeyConnection, terms: NodeTerms, kept: Kept) {
    this.#connection = connection
    this.#terms = terms
    this.#kept = kept
  }

  /** Answers at once where there is nothing to claim. */
  claim(session: ValkeySession, use: DownloadUse): Claimed | Promise<Claimed> {
    const verdict = use.judge(session)
    if (verdict.outcome === 'refused') return verdict
    const claims = this.#needed(session, use, verdict, new Map())
    if (claims.length > 0) return this.#claim(session, use, claims)
    return { outcome: 'claimed', isCounted: verdict.outcome === 'counted', recorded: new Set() }
  }

  /** Judges again whatever others changed meanwhile. */
  async #claim(
    session: ValkeySession,
    use: DownloadUse,
    first: readonly Claim[],
  ): Promise<Claimed> {
    const done: NewUses = new Map()
    let claims = first
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await this.#send(session, use, claims, done)
      const verdict = use.judge(session)
      if (verdict.outcome === 'refused') {
        this.#undo(done)
        return verdict
      }
      claims = this.#needed(session, use, verdict, done)
      if (claims.length > 0) continue
      const isCounted = verdict.outcome === 'counted'
      return { outcome: 'claimed', isCounted, recorded: new Set(done.keys()) }
    }
    this.#undo(done)
    throw new GatewayError('ERR_STATE_UNAVAILABLE', 'others change what this download is judged by')
  }

  async #send(
    session: ValkeySession,
    use: DownloadUse,
    claims: readonly Claim[],
    done: NewUses,
  ): Promise<void> {
    const replies = await Promise.allSettled(
      claims.map(async ({ base, question }) => {
        const text = keyText(use.key)
        const holding = this.#kept.holdings.of(base, text)
        holding.pending++
        try {
          const download = digest(text)
          const mine = holding.counts.get('use') ?? 0
          const more = { download, mine, ...question }
          return (await ask(this.#connection, this.#terms, CLAIM, base, more)) as ClaimReply
        } finally {
          holding.pending--
        }
      }),
    )
    for (const [i, answer] of replies.entries()) {
      const claim = claims[i]
      if (!claim || answer.status === 'rejected') continue
      const reply = answer.value
      session.learn(reply)
      if (reply.isFull === true) session.isFull = true
      if (reply.reserves === true) this.#hold(session, use, claim.base)
      const { counted } = claim
      if (!counted || !use.sighting) continue
      session.see(counted.key, reply, counted.after)
      if (reply.new) {
        done.set(counted.key, { base: claim.base, sighting: use.sighting, new: reply.new })
      }
    }
    const failed = replies.find((answer) => answer.status === 'rejected')
    if (!failed) return
    this.#undo(done)
    throw failed.reason
  }

  #needed(
    session: ValkeySession,
    use: DownloadUse,
    verdict: UseVerdict,
    done: NewUses,
  ): readonly Claim[] {
    const { prefix } = this.#connection
    const { sighting } = use
    const claims = new Map<string, Claim>()
    for (const { key, windowSeconds } of verdict.outcome === 'counted' ? use.counted : []) {
      if (!sighting || done.has(key) || isKnown(session.sightings(key), sighting)) continue
      const { base } = countedKey(prefix, key)
      const asked = session.question.sightings.find((one) => one.key === key)
      const counted = { key, after: asked?.after ?? use.now - windowSeconds }
      const question = {
        sighting,
        version: session.version(key),
        at: use.now,
        window: windowSeconds,
        after: counted.after,
      }
      claims.set(base, { base, counted, question })
    }
    const ofLink = { ...pinOf(session, use), ...reservationOf(session, use) }
    if (Object.keys(ofLink).length > 0) {
      const base = linkBase(prefix, use.key.link)
      const claim = claims.get(base)
      const question = { ...claim?.question, ...ofLink }
      claims.set(base, { base, counted: claim?.counted, question })
    }
    return [...claims.values()]
  }

  #hold(session: ValkeySession, use: DownloadUse, base: string): void {
    const holding = this.#kept.holdings.of(base, keyText(use.key))
    session.held.push(this.#kept.holdings.take(holding, 'use', use.uses?.max ?? Infinity))
  }

  #undo(done: NewUses): void {
    for (const undone of done.values()) this.#kept.flows.undo(undone)
    done.clear()
  }
}

function pinOf(session: ValkeySession, { pin, expires, now }: DownloadUse) {
  if (!pin || session.firstAddress) return undefined
  return { pin: { address: pin.text, seconds: expires - now } }
}

/** A use is reserved when the place is taken; here only one that was not, or not for this object. */
function reservationOf(session: ValkeySession, { uses, etag, size }: DownloadUse) {
  const { known } = session
  const isSame = known?.used === true && known.etag === etag && known.size === size
  return !uses || session.reserves || session.isFull || isSame ? undefined : { max: uses.max }
}
