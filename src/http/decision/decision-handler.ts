import type { IncomingMessage, ServerResponse } from 'node:http'
import { asGatewayError } from '../../base/failure.ts'
import { refuse, type Refusal } from '../../base/refusal.ts'
import type { Grant } from '../../link/grant.ts'
import { countsUses } from '../../policy/anti-fraud.ts'
import { flowsOf } from '../../policy/limits.ts'
import type { Policy } from '../../policy/policy.ts'
import type { CanonicalPath } from '../../request/canonical-path.ts'
import type { LinkSession } from '../../state/link-state.ts'
import { isPinnedByUse, questionOf } from '../admission.ts'
import { beginUse } from '../begin-use.ts'
import { Exchange } from '../exchange.ts'
import type { Services } from '../services.ts'
import type { Entrance } from '../receive.ts'
import { judgeByRules } from '../sharing.ts'
import { answerBroken, answerDenial, answerPermit } from './answer-decision.ts'
import { type Asked, readAsked } from './asked.ts'
import { DECISION_PATH, readForwarded } from './forwarded-request.ts'
import { needsDelivery } from './needs-delivery.ts'

type DecisionServices = Omit<Services, 'live'>

type Verdict =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  | { readonly outcome: 'permitted'; readonly rate: number | undefined }

/** The object of a decision: nobody knows its bytes here. */
const NO_OBJECT = { etag: '', size: 0 }

/**
 * Decides about requests that a proxy answers itself, by the rules of downloads. It holds no place and
 * spends no use, as it never hears of an end; whose link asks for that is refused.
 */
export class DecisionHandler {
  readonly #services: DecisionServices
  readonly #entrance: () => Entrance

  constructor(services: DecisionServices, entrance: () => Entrance) {
    this.#services = services
    this.#entrance = entrance
  }

  /** Answers a proxy that showed its token; in `Authorization`, where that is not the client's own. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    caller: { readonly isCallersAuthorization: boolean },
  ): void {
    const exchange = new Exchange(request, response, this.#services.clock)
    exchange.endpoint = DECISION_PATH
    response.once('close', () => {
      const onFailure = (error: unknown): void => {
        this.#services.onInternalFailure(asGatewayError(error), exchange.id)
      }
      this.#services.records.write(exchange.close(onFailure))
    })
    this.#serve(exchange, caller).catch((error: unknown) => {
      if (exchange.isClosed || response.headersSent) return
      const failure = answerBroken(exchange, error)
      if (failure.source === 'internal') this.#services.onInternalFailure(failure, exchange.id)
    })
  }

  async #serve(
    exchange: Exchange,
    caller: { readonly isCallersAuthorization: boolean },
  ): Promise<void> {
    const { method = '', url = '', rawHeaders } = exchange.request
    const forwarded = readForwarded(method, url, rawHeaders, caller)
    const deny = (refusal: Refusal): void => {
      exchange.decision = 'deny'
      answerDenial(exchange, refusal)
    }
    if (forwarded.outcome === 'refused') {
      deny(refuse('request_invalid', forwarded.why))
      return
    }
    const asked = readAsked(exchange, forwarded, this.#entrance())
    if ('reason' in asked) {
      deny(asked)
      return
    }
    const { context, route } = asked
    const verification = route.verifier.verify(context)
    if (verification.outcome === 'absent') {
      deny(refuse('link_missing', 'no link of the route'))
      return
    }
    if (verification.outcome === 'refused') {
      deny(verification.refusal)
      return
    }
    const { grant } = verification
    exchange.grant = grant
    const verdict = await this.#decide(exchange, asked, grant)
    if (verdict.outcome === 'refused') {
      deny(verdict.refusal)
      return
    }
    exchange.decision = 'permit'
    answerPermit(exchange, forwarded.dialect, { context, grant, rate: verdict.rate })
  }

  async #decide(exchange: Exchange, asked: Asked, grant: Grant): Promise<Verdict> {
    const { policy } = asked.route
    // apart from downloads of the same object: what is known of their bytes stays as it is
    const path = `decision ${asked.context.path}` as CanonicalPath
    const counted: Asked = { ...asked, context: { ...asked.context, path } }
    const opened = this.#services.links.open({
      ...questionOf(grant, counted.context, policy),
      place: undefined,
    })
    const session = opened instanceof Promise ? await opened : opened
    try {
      const refusal = this.#judge(exchange, session, asked, grant)
      if (refusal) return { outcome: 'refused', refusal }
      return await this.#count(exchange, session, counted, grant)
    } finally {
      session.release()
    }
  }

  #judge(
    exchange: Exchange,
    session: LinkSession,
    { context, route: { policy } }: Asked,
    grant: Grant,
  ): Refusal | undefined {
    const { revocations } = this.#services
    const refusal = judgeByRules(exchange, revocations, session, context, grant, policy)
    if (refusal) return refusal
    for (const { refusal: no, enforcement } of needsDelivery(grant, policy)) {
      if (enforcement === 'enforce') return no
      exchange.observed ??= no
    }
    return undefined
  }

  /** Counts from where the link is used, where that matters: it needs no end. */
  async #count(
    exchange: Exchange,
    session: LinkSession,
    { context, route: { policy } }: Asked,
    grant: Grant,
  ): Promise<Verdict> {
    const counts = countsUses(grant, policy) || isPinnedByUse(grant, policy)
    if (context.method !== 'GET' || !counts) return permitted(grant, policy, false)
    const begun = beginUse(this.#services, session, context, grant, policy, NO_OBJECT, [])
    const admission = begun instanceof Promise ? await begun : begun
    if (admission.outcome === 'refused') return admission
    admission.download.leave()
    exchange.observed ??= admission.slowed
    return permitted(grant, policy, admission.slowed !== undefined)
  }
}

/** The proxy is told the lowest rate; nobody shares it among connections that are not here. */
function permitted(grant: Grant, policy: Policy, isSlowed: boolean): Verdict {
  const rates = flowsOf(grant, policy, isSlowed).map(({ bytesPerSecond }) => bytesPerSecond)
  return { outcome: 'permitted', rate: rates.length > 0 ? Math.min(...rates) : undefined }
}
