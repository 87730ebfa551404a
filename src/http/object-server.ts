import type { Clock } from '../base/clock.ts'
import type { GatewayError } from '../base/failure.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import { planDelivery } from '../delivery/plan.ts'
import { parseRange } from '../delivery/byte-range.ts'
import type { LeaseStore } from '../lease/lease.ts'
import type { RateRegistry, SharedRate } from '../lease/rate.ts'
import type { Grant } from '../link/grant.ts'
import type { OpenObject } from '../origin/origin.ts'
import { decide } from '../policy/decide.ts'
import { bytesPerSecond, maxUses } from '../policy/limits.ts'
import type { Policy } from '../policy/policy.ts'
import type { RecordSink } from '../record/access-record.ts'
import type { LiveDownloads } from '../record/live-downloads.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { DownloadLedger, OpenDownload } from '../state/download-ledger.ts'
import type { RevocationList } from '../state/revocations.ts'
import type { SharingStore } from '../state/sharing-store.ts'
import { checkUses, downloadKey, keepUntil, pinAddress, takeLease } from './admission.ts'
import { deliver } from './deliver.ts'
import type { Exchange } from './exchange.ts'
import { revocable, type StoredHistory } from './history.ts'
import type { Entrance } from './receive.ts'
import { coverageOf, OpenConnection } from './open-connection.ts'
import type { Route } from './route.ts'
import { admitUse, revokeIfShared } from './sharing.ts'
import { tagOf, withTag } from './tagged.ts'

/** What requests of all configurations share: it survives a reload. */
export interface Services {
  readonly clock: Clock
  readonly leases: LeaseStore
  readonly rates: RateRegistry
  readonly ledger: DownloadLedger
  readonly sharing: SharingStore
  readonly revocations: RevocationList
  readonly history: StoredHistory
  readonly live: LiveDownloads
  readonly records: RecordSink
  /** Hears of failures that are nobody's but ours. */
  readonly onInternalFailure: (error: GatewayError, requestId: string) => void
}

/** A request that something lets in, and what it asks for. */
export interface Granted {
  readonly context: RequestContext
  readonly route: Route
  readonly grant: Grant
}

/**
 * Serves what a grant opens, in this order: decide (policy), lease, origin, deliver. What was taken is
 * given back when the response closes.
 */
export class ObjectServer {
  readonly #services: Services
  readonly #entrance: () => Entrance

  constructor(services: Services, entrance: () => Entrance) {
    this.#services = services
    this.#entrance = entrance
  }

  /** Returns why not; `onMissing` answers for an object that is not there. */
  async serve(
    exchange: Exchange,
    { context, route, grant }: Granted,
    onMissing: () => void,
  ): Promise<Refusal | undefined> {
    const { history, leases } = this.#services
    exchange.grant = grant
    const decision = decide(grant, context, route.policy, history)
    exchange.observed = decision.observed ?? decision.slowed
    if (decision.refusal) {
      revokeIfShared(this.#services, decision.refusal, context, grant, route.policy)
      return decision.refusal
    }
    if (context.method === 'GET') {
      const full = await takeLease(exchange, leases, grant, context, route.policy)
      if (full) return full
    }
    exchange.decision = 'permit'
    const name = context.path.slice(route.path.length)
    const specs =
      context.headers.range === undefined ? undefined : parseRange(context.headers.range)
    const tag = tagOf(grant)
    const object = await route.origin.open({
      name,
      want: tag || needsMetadataFirst(context, specs?.length ?? 0) ? 'metadata' : 'body',
      range: specs?.[0],
      signal: exchange.signal,
    })
    if (object.state === 'missing') {
      onMissing()
      return undefined
    }
    exchange.holdUntilClosed(() => {
      object.close()
    })
    const found = { context, route, grant, name }
    if (!tag) return this.#deliver(exchange, object, found)
    const tagged = await withTag(this.#entrance().tagger, tag, object, found, exchange.signal)
    return 'reason' in tagged ? tagged : this.#deliver(exchange, tagged, found)
  }

  #deliver(
    exchange: Exchange,
    object: OpenObject,
    found: Granted & { readonly name: string },
  ): Refusal | undefined {
    const { context, route, grant } = found
    const { policy } = route
    const plan = planDelivery({
      method: context.method,
      fields: context.headers,
      meta: object.meta,
      now: context.now,
    })
    const identity = { etag: object.meta.etag ?? '', size: object.meta.size ?? 0 }
    const ranges = plan.kind === 'parts' ? plan.ranges : 'range' in plan ? [plan.range] : []
    const late =
      this.#checkResume(found, identity.etag) ?? this.#checkUses(exchange, found, identity, ranges)
    if (late) return late
    let download: OpenDownload | undefined
    let rate: SharedRate | undefined
    if (context.method === 'GET' && ranges.length > 0) {
      const no = pinAddress(this.#services, context, grant, policy)
      if (no) return no
      const admission = admitUse(this.#services, context, grant, policy)
      if (admission.outcome === 'refused') return admission.refusal
      exchange.holdUntilClosed(admission.leave)
      exchange.observed ??= admission.slowed
      rate = this.#joinRate(exchange, grant, policy, admission.slowed !== undefined)
      download = this.#begin(exchange, found, identity)
    }
    deliver(exchange, object, plan, {
      ...found,
      rate,
      count: download && ((start, end) => download.count(start, end)),
    })
    return undefined
  }

  /** In the grace after its expiry a link opens the object that was begun with it, no other. */
  #checkResume(
    { context, grant, route }: { context: RequestContext; grant: Grant; route: Route },
    etag: string,
  ): Refusal | undefined {
    const { leeway } = route.policy
    if (context.now < grant.validUntil + leeway.expirySeconds || leeway.enforcement === 'observe') {
      return undefined
    }
    if (this.#services.ledger.find(downloadKey(grant, context))?.etag === etag) return undefined
    return refuse('link_expired', 'the object is not the one that was begun in time')
  }

  #checkUses(
    exchange: Exchange,
    { context, grant, route }: { context: RequestContext; grant: Grant; route: Route },
    object: { etag: string; size: number },
    ranges: readonly { start: number; end: number }[],
  ): Refusal | undefined {
    const { policy } = route
    const no = checkUses(this.#services.ledger, grant, context, policy, object, ranges)
    if (!no) return undefined
    if (policy.uses.enforcement === 'enforce') return no
    exchange.observed ??= no
    return undefined
  }

  /** Joins the request to its download: for the ledger, and for those who watch. */
  #begin(
    exchange: Exchange,
    { context, grant, route }: { context: RequestContext; grant: Grant; route: Route },
    identity: { etag: string; size: number },
  ): OpenDownload {
    const { ledger, live } = this.#services
    const key = downloadKey(grant, context)
    const max = maxUses(grant, route.policy)
    const download = ledger.begin({
      key,
      ...identity,
      now: context.now,
      expires: keepUntil(grant, context.now, route.policy),
      uses: max === undefined ? undefined : { max, coverage: route.policy.uses.coverage },
      mayResume: context.headers.range !== undefined,
    })
    exchange.holdUntilClosed(() => {
      download.leave()
    })
    const coverage = coverageOf(download)
    exchange.coverage = coverage
    const connection = new OpenConnection(exchange)
    const link = revocable(grant)
    const leave = live.join(
      {
        key: download.text,
        scheme: grant.scheme,
        path: context.path,
        client: context.client?.text ?? 'unknown',
        size: identity.size,
        ...link,
      },
      connection,
      exchange.startedAt,
      coverage,
    )
    exchange.holdUntilClosed(() => {
      leave()
      connection.forget()
    })
    return download
  }

  /** Who is slowed shares a flow with all others who are slowed: the welcome ones keep theirs. */
  #joinRate(
    exchange: Exchange,
    grant: Grant,
    policy: Policy,
    isSlowed: boolean,
  ): SharedRate | undefined {
    const perSecond = bytesPerSecond(grant, policy)
    const slow = Math.min(perSecond ?? Infinity, policy.antiFraud.sharing.slowBytesPerSecond)
    const [key, limit] = isSlowed
      ? [`slow:${grant.countKey}`, slow]
      : ([grant.countKey, perSecond] as const)
    if (limit === undefined) return undefined
    const { rate, leave } = this.#services.rates.join(key, limit)
    exchange.holdUntilClosed(leave)
    return rate
  }
}

/** Whether the answer depends on metadata: then no body is fetched that might be thrown away. */
function needsMetadataFirst({ headers, method }: RequestContext, ranges: number): boolean {
  return (
    method === 'HEAD' ||
    ranges > 1 ||
    headers.ifRange !== undefined ||
    headers.ifMatch !== undefined ||
    headers.ifNoneMatch !== undefined ||
    headers.ifModifiedSince !== undefined ||
    headers.ifUnmodifiedSince !== undefined
  )
}
