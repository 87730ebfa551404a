import { asGatewayError } from '../base/failure.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import { type DeliveryPlan, planDelivery } from '../delivery/plan.ts'
import { parseRange } from '../delivery/byte-range.ts'
import { type ByteRate, RatesInSeries } from '../lease/rate.ts'
import type { Grant } from '../link/grant.ts'
import type { OpenObject } from '../origin/origin.ts'
import { flowsOf } from '../policy/limits.ts'
import type { Policy } from '../policy/policy.ts'
import { notRevoked } from '../policy/rules/revocation.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { LinkSession } from '../state/link-state.ts'
import { checkUses, placeRefusal, questionOf } from './admission.ts'
import { beginUse, type UseAdmission } from './begin-use.ts'
import { deliver, type DeliveryTerms } from './deliver.ts'
import type { Exchange } from './exchange.ts'
import { SessionHistory } from './history.ts'
import { type Entrance, peerOf } from './receive.ts'
import { chooseWay, type Way } from './offload.ts'
import { watch } from './open-connection.ts'
import type { Route } from './route.ts'
import { sendElsewhere } from './send-elsewhere.ts'
import type { Services } from './services.ts'
import { judgeByRules } from './sharing.ts'
import { tagOf, withTag } from './tagged.ts'

/** A request that something lets in, and what it asks for. */
export interface Granted {
  readonly context: RequestContext
  readonly route: Route
  readonly grant: Grant
}

/** A request for an object that is there. */
interface Found extends Granted {
  /** The object's name below the route. */
  readonly name: string
  readonly session: LinkSession
  /** Past the gateway; undefined when it sends the bytes itself. */
  readonly way: Exclude<Way, { kind: 'none' }> | undefined
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
    exchange.grant = grant
    const opened = this.#services.links.open(questionOf(grant, context, route.policy))
    const session = opened instanceof Promise ? await opened : opened
    const refusal = this.#judge(exchange, session, { context, route, grant })
    if (refusal) {
      session.release()
      return refusal
    }
    exchange.holdUntilClosed(() => {
      session.release()
    })
    exchange.decision = 'permit'
    const name = context.path.slice(route.path.length)
    const specs =
      context.headers.range === undefined ? undefined : parseRange(context.headers.range)
    const tag = tagOf(grant)
    const way = this.#wayOf(exchange, { context, route, grant })
    const object = await route.origin.open({
      name,
      want: tag || way || needsMetadataFirst(context, specs?.length ?? 0) ? 'metadata' : 'body',
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
    const found = { context, route, grant, name, session, way }
    if (!tag) return this.#deliver(exchange, object, found)
    const tagged = await withTag(this.#entrance().tagger, tag, object, found, exchange.signal)
    return 'reason' in tagged ? tagged : this.#deliver(exchange, tagged, found)
  }

  /** The rules, then the place that the connection has, or has not. */
  #judge(
    exchange: Exchange,
    session: LinkSession,
    { context, route: { policy }, grant }: Granted,
  ): Refusal | undefined {
    const { revocations } = this.#services
    const refusal = judgeByRules(exchange, revocations, session, context, grant, policy)
    if (refusal) return refusal
    const full = placeRefusal(session)
    if (!full || policy.parallel.enforcement === 'enforce') return full
    exchange.observed ??= full
    return undefined
  }

  /** A promise only where something is waited for: most downloads begin without. */
  #deliver(
    exchange: Exchange,
    object: OpenObject,
    found: Found,
  ): Refusal | undefined | Promise<Refusal | undefined> {
    const { context, route, grant, session } = found
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
    if (context.method !== 'GET' || ranges.length === 0) {
      return this.#send(exchange, object, plan, found, undefined)
    }
    const send = (admission: UseAdmission): Refusal | undefined | Promise<undefined> =>
      admission.outcome === 'refused'
        ? admission.refusal
        : this.#send(exchange, object, plan, found, admission)
    const admitted = beginUse(this.#services, session, context, grant, policy, identity, ranges)
    return admitted instanceof Promise ? admitted.then(send) : send(admitted)
  }

  /** Sends what was admitted; what is undefined sends no bytes. */
  #send(
    exchange: Exchange,
    object: OpenObject,
    plan: DeliveryPlan,
    found: Found,
    admission: Extract<UseAdmission, { outcome: 'begun' }> | undefined,
  ): Refusal | undefined | Promise<undefined> {
    const { context, route, grant, name, way } = found
    const withdrawn = admission && this.#withdrawnMeanwhile(found)
    if (withdrawn) {
      admission.download.leave()
      return withdrawn
    }
    const isSlowed = admission?.slowed !== undefined
    exchange.observed ??= admission?.slowed
    const rate = admission && this.#joinRate(exchange, grant, route.policy, isSlowed)
    const download =
      admission &&
      watch(exchange, this.#services.live, found, admission.download, object.meta.size ?? 0)
    const terms: DeliveryTerms = {
      route,
      context,
      grant,
      name,
      rate,
      isSlowed,
      copier: this.#services.copier,
      count: download && ((start: number, end: number) => download.count(start, end)),
    }
    if (!way) {
      deliver(exchange, object, plan, terms)
      return undefined
    }
    return this.#sendElsewhere(exchange, object, plan, terms, way).then((isSent) => {
      if (!isSent) deliver(exchange, object, plan, terms)
      return undefined
    })
  }

  /** How the bytes shall go past the gateway, if they shall; if they may not, the record says why. */
  #wayOf(exchange: Exchange, asked: Granted): Exclude<Way, { kind: 'none' }> | undefined {
    if (!asked.route.policy.delivery.offload) return undefined
    const { trustedProxies, redirectSeconds, isOffloadReported } = this.#entrance()
    const peer = peerOf(exchange.request.socket)
    const way = chooseWay(asked, {
      handOvers: isOffloadReported ? this.#services.handOvers : undefined,
      redirectSeconds,
      // where none is named, the port is the proxy's alone
      isFromProxy: trustedProxies.size === 0 || (peer !== undefined && trustedProxies.has(peer)),
    })
    if (way?.kind !== 'none') return way
    exchange.note = `sent by the gateway: ${way.why}`
    return undefined
  }

  #sendElsewhere(
    exchange: Exchange,
    object: OpenObject,
    plan: DeliveryPlan,
    terms: DeliveryTerms,
    way: Exclude<Way, { kind: 'none' }>,
  ): Promise<boolean> {
    return sendElsewhere(exchange, object, plan, terms, way, (error) => {
      this.#services.onInternalFailure(asGatewayError(error), exchange.id)
    })
  }

  /** What is not yet among the downloads that run, nobody could have ended. */
  #withdrawnMeanwhile({ context, route, grant, session }: Found): Refusal | undefined {
    const history = new SessionHistory(this.#services.revocations, session)
    return notRevoked.check(grant, context, route.policy, history)
  }

  /** In the grace after its expiry a link opens the object that was begun with it, no other. */
  #checkResume({ context, grant, route, session }: Found, etag: string): Refusal | undefined {
    const { leeway } = route.policy
    if (context.now < grant.validUntil + leeway.expirySeconds || leeway.enforcement === 'observe') {
      return undefined
    }
    if (session.known?.etag === etag) return undefined
    return refuse('link_expired', 'the object is not the one that was begun in time')
  }

  #checkUses(
    exchange: Exchange,
    { context, grant, route, session }: Found,
    object: { etag: string; size: number },
    ranges: readonly { start: number; end: number }[],
  ): Refusal | undefined {
    const { policy } = route
    const no = checkUses(session, grant, context, policy, object, ranges)
    if (!no) return undefined
    if (policy.uses.enforcement === 'enforce') return no
    exchange.observed ??= no
    return undefined
  }

  #joinRate(
    exchange: Exchange,
    grant: Grant,
    policy: Policy,
    isSlowed: boolean,
  ): ByteRate | undefined {
    const [first, second] = flowsOf(grant, policy, isSlowed).map(({ key, bytesPerSecond }) => {
      const { rate, leave } = this.#services.links.joinRate(key, bytesPerSecond)
      exchange.holdUntilClosed(leave)
      return rate
    })
    return first && second ? new RatesInSeries(first, second) : first
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
