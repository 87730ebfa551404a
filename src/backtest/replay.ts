import type { Address } from '../base/address.ts'
import type { NetworkFacts } from '../base/network-facts.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import { checkUses, downloadKey, keepUntil, pinAddress, takeLease } from '../http/admission.ts'
import { StoredHistory } from '../http/history.ts'
import { admitUse, revokeIfShared } from '../http/sharing.ts'
import { EmbeddedLeaseStore } from '../lease/embedded-lease-store.ts'
import type { Grant } from '../link/grant.ts'
import { decide } from '../policy/decide.ts'
import { maxUses } from '../policy/limits.ts'
import type { Policy } from '../policy/policy.ts'
import type { RequestContext } from '../request/request-context.ts'
import { openMemoryDatabase } from '../state/database.ts'
import { DownloadLedger } from '../state/download-ledger.ts'
import { RevocationList } from '../state/revocations.ts'
import { SharingLedger } from '../state/sharing-ledger.ts'
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
  readonly #leases = new EmbeddedLeaseStore()
  readonly #services: {
    readonly ledger: DownloadLedger
    readonly sharing: SharingLedger
    readonly revocations: RevocationList
    readonly history: StoredHistory
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
    const ledger = new DownloadLedger(database)
    const sharing = new SharingLedger(database)
    const revocations = new RevocationList(database)
    const history = new StoredHistory(revocations, ledger, sharing)
    this.#services = { ledger, sharing, revocations, history }
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
    const decision = decide(grant, context, policy, this.#services.history)
    held.observed = decision.observed
    held.slowed = decision.slowed
    if (decision.refusal) {
      revokeIfShared(this.#services, decision.refusal, context, grant, policy)
      return decision.refusal
    }
    if (method === 'GET') {
      const full = await takeLease(held, this.#leases, grant, context, policy)
      if (full) return full
    }
    // of who was refused it is not known, but who asks for a link means to download
    const getsObject = request.coverage !== undefined || request.refusal !== undefined
    if (!getsObject && method === 'GET') return undefined
    const spent = this.#checkUses(request, grant, context, held)
    if (spent || method !== 'GET') return spent
    const unpinned = pinAddress(this.#services, context, grant, policy)
    if (unpinned) return unpinned
    const use = admitUse(this.#services, context, grant, policy)
    if (use.outcome === 'refused') return use.refusal
    held.slowed ??= use.slowed
    held.holdUntilClosed(use.leave)
    this.#begin(request, grant, context, held)
    return undefined
  }

  #checkUses(
    { coverage = 1 }: LoggedRequest,
    grant: Grant,
    context: RequestContext,
    held: Held,
  ): Refusal | undefined {
    const policy = this.#policy
    const end = bytesOf(coverage)
    const known = this.#services.ledger.find(downloadKey(grant, context))?.intervals.covered ?? 0
    // coverage that grew is of bytes that were lacking; that which did not is of bytes sent again
    const range = { start: end > known ? known : 0, end }
    const no = checkUses(this.#services.ledger, grant, context, policy, OBJECT, [range])
    if (no && policy.uses.enforcement === 'observe') {
      held.observed ??= no
      return undefined
    }
    return no
  }

  /** Its bytes count when it ends: how they came over time no record says. */
  #begin({ coverage }: LoggedRequest, grant: Grant, context: RequestContext, held: Held): void {
    const policy = this.#policy
    const max = maxUses(grant, policy)
    if (max === undefined) return
    const download = this.#services.ledger.begin({
      key: downloadKey(grant, context),
      ...OBJECT,
      now: context.now,
      expires: keepUntil(grant, context.now, policy),
      uses: { max, coverage: policy.uses.coverage },
      mayResume: true,
    })
    held.holdUntilClosed(() => {
      if (coverage !== undefined) download.count(0, bytesOf(coverage))
      download.leave()
    })
  }

  #moveTo(now: number): void {
    while (this.#running.nextRank <= now + ROUNDING) this.#running.pop()?.release()
    if (now < this.#pruneAt) return
    this.#pruneAt = now + PRUNE_EVERY
    const second = Math.floor(now / 1000)
    this.#services.ledger.prune(second)
    this.#services.sharing.prune(second)
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
