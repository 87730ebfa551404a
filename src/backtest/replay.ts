import type { Address } from '../base/address.ts'
import { systemClock } from '../base/clock.ts'
import type { NetworkFacts } from '../base/network-facts.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import { checkUses, placeRefusal, questionOf } from '../http/admission.ts'
import { beginUse } from '../http/begin-use.ts'
import { SessionHistory } from '../http/history.ts'
import { revokeIfShared } from '../http/sharing.ts'
import type { Grant } from '../link/grant.ts'
import { decide } from '../policy/decide.ts'
import type { Policy } from '../policy/policy.ts'
import type { RequestContext } from '../request/request-context.ts'
import { openMemoryDatabase } from '../state/database.ts'
import { EmbeddedLinkState } from '../state/embedded-link-state.ts'
import type { LinkSession } from '../state/link-state.ts'
import { RevocationList } from '../state/revocations.ts'
import { SqliteRevocations } from '../state/sqlite-revocations.ts'
import type { LoggedRequest } from './logged-request.ts'
import { MinHeap } from './min-heap.ts'
import { contextOf, grantOf } from './reconstruct.ts'
import { holdsUnderAnyPolicy, type PoliciesThen } from './then.ts'

/** What would have become of a request. */
export interface Judgement {
  /** `stands`: refused as it was, for what the policy has no say in. */
  readonly outcome: 'permitted' | 'refused' | 'stands'
  /** Set unless permitted. */
  readonly refusal: { readonly reason: string; readonly detail: string } | undefined
  readonly observed: Refusal | undefined
  readonly slowed: Refusal | undefined
}

/** Records give coverage to four digits: the bytes of an object whose size nobody wrote down. */
const OBJECT = { etag: '', size: 10_000 }
/** Whole milliseconds are written: what ended in this one may have ended before the other began. */
const ROUNDING = 1
const PRUNE_EVERY = 3_600_000

/**
 * Judges logged requests under another policy, by the code that judges live ones: rules, leases and
 * ledgers, over a clock that the records move. They have to come in the order in which they began.
 */
export class Replay {
  readonly #policy: Policy
  readonly #factsOf: (address: Address) => NetworkFacts
  readonly #policiesThen: PoliciesThen
  readonly #services: {
    readonly links: EmbeddedLinkState
    readonly revocations: RevocationList
  }
  /** By when the request ended. */
  readonly #running = new MinHeap<Held>()
  /** Links and subjects that their policy withdrew as shared. */
  readonly #withdrawnThen = new Set<string>()
  #pruneAt = 0

  constructor(
    policy: Policy,
    factsOf: (address: Address) => NetworkFacts,
    policiesThen: PoliciesThen,
  ) {
    this.#policy = policy
    this.#factsOf = factsOf
    this.#policiesThen = policiesThen
    const database = openMemoryDatabase()
    // a log says what was sent, not how fast it could have been: the clock of rates is never asked
    const links = new EmbeddedLinkState(database, systemClock)
    this.#services = { links, revocations: new RevocationList(new SqliteRevocations(database)) }
  }

  async judge(request: LoggedRequest): Promise<Judgement> {
    this.#moveTo(request.start)
    const policyThen = this.#policiesThen(request.policy)
    const grant = grantOf(request, policyThen)
    const { refusal: then } = request
    if (!this.#wasWithdrawn(request, policyThen) && holdsUnderAnyPolicy(request, policyThen)) {
      return { outcome: 'stands', refusal: then, observed: undefined, slowed: undefined }
    }
    const context = contextOf(request, this.#factsOf)
    const held = new Held()
    const refusal = await this.#serve(request, grant, context, held)
    if (refusal) held.release()
    else this.#running.push(request.end, held)
    const { observed, slowed } = held
    return { outcome: refusal ? 'refused' : 'permitted', refusal, observed, slowed }
  }

  /** Whether the link was revoked by its policy, as shared, and by nobody else. */
  #wasWithdrawn({ refusal, link }: LoggedRequest, policyThen: ReturnType<PoliciesThen>): boolean {
    const keys = [`${link.kid}\n${link.id}`, ...(link.subject === undefined ? [] : [link.subject])]
    if (refusal?.reason === 'link_shared' && policyThen?.antiFraud.sharing.action === 'revoke') {
      for (const key of keys) this.#withdrawnThen.add(key)
    }
    return refusal?.reason === 'link_revoked' && keys.some((key) => this.#withdrawnThen.has(key))
  }

  /** In the order of the gateway: methods, rules, leases, uses, pin, sharing. */
  async #serve(
    request: LoggedRequest,
    grant: Grant,
    context: RequestContext,
    held: Held,
  ): Promise<Refusal | undefined> {
    const policy = this.#policy
    const { method } = context
    if (!(policy.methods as readonly string[]).includes(method)) {
      return refuse('method_not_allowed', `method ${method.slice(0, 20)}`)
    }
    const { links, revocations } = this.#services
    const session = links.open(questionOf(grant, context, policy))
    held.holdUntilClosed(() => {
      session.release()
    })
    const history = new SessionHistory(revocations, session)
    const decision = decide(grant, context, policy, history)
    held.observed = decision.observed
    held.slowed = decision.slowed
    if (decision.refusal) {
      revokeIfShared({ history, revocations }, decision.refusal, context, grant, policy)
      return decision.refusal
    }
    const full = placeRefusal(session)
    if (full && policy.parallel.enforcement === 'enforce') return full
    held.observed ??= full
    // of who was refused it is not known, but who asks for a link means to download
    const getsObject = request.coverage !== undefined || request.refusal !== undefined
    if (!getsObject && method === 'GET') return undefined
    const spent = this.#checkUses(request, grant, context, session, held)
    if (spent || method !== 'GET') return spent
    const use = await beginUse(this.#services, session, context, grant, policy, OBJECT)
    if (use.outcome === 'refused') return use.refusal
    held.slowed ??= use.slowed
    // its bytes count when it ends: how they came over time no record says
    const { coverage } = request
    held.holdUntilClosed(() => {
      if (coverage !== undefined) void use.download.count(0, bytesOf(coverage))
      use.download.leave()
    })
    return undefined
  }

  #checkUses(
    { coverage = 1 }: LoggedRequest,
    grant: Grant,
    context: RequestContext,
    session: LinkSession,
    held: Held,
  ): Refusal | undefined {
    const policy = this.#policy
    const end = bytesOf(coverage)
    const known = session.known?.intervals.covered ?? 0
    // coverage that grew is of bytes that were lacking; that which did not is of bytes sent again
    const range = { start: end > known ? known : 0, end }
    const no = checkUses(session, grant, context, policy, OBJECT, [range])
    if (no && policy.uses.enforcement === 'observe') {
      held.observed ??= no
      return undefined
    }
    return no
  }

  #moveTo(now: number): void {
    while (this.#running.nextRank <= now + ROUNDING) this.#running.pop()?.release()
    if (now < this.#pruneAt) return
    this.#pruneAt = now + PRUNE_EVERY
    const second = Math.floor(now / 1000)
    this.#services.links.prune(second)
  }
}

function bytesOf(coverage: number): number {
  return Math.round(coverage * OBJECT.size)
}

/** A request under way: what it holds until its end. */
class Held {
  observed: Refusal | undefined
  slowed: Refusal | undefined
  readonly #releases: (() => void)[] = []

  holdUntilClosed(release: () => void): void {
    this.#releases.push(release)
  }

  release(): void {
    for (const release of this.#releases.splice(0).reverse()) release()
  }
}
