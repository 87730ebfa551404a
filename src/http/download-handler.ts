import { asGatewayError } from '../base/failure.ts'
import { refuse, type Refusal } from '../base/refusal.ts'
import type { CanonicalPath } from '../request/canonical-path.ts'
import { answerFailure, answerRefusal } from './answer.ts'
import { Exchange } from './exchange.ts'
import type { RequestMessage, ResponseMessage } from './message.ts'
import { type Arrival, type Entrance, receive } from './receive.ts'
import { answerText, callOf } from './serve-api.ts'
import { ObjectServer } from './object-server.ts'
import type { Services } from './services.ts'

type Accepted = Extract<Arrival, { readonly outcome: 'accepted' }>

/**
 * The public port. A request passes the phases in this order: receive (context), verify (link), decide
 * (policy), lease, origin, deliver, record. The first no answers it; what was taken is given back when
 * the response closes.
 */
export class DownloadHandler {
  readonly #services: Services
  readonly #entrance: () => Entrance
  readonly #objects: ObjectServer

  constructor(services: Services, entrance: () => Entrance) {
    this.#services = services
    this.#entrance = entrance
    this.#objects = new ObjectServer(services, entrance)
  }

  handle(request: RequestMessage, response: ResponseMessage): void {
    const exchange = new Exchange(request, response, this.#services.clock)
    const finish = (): void => {
      const onFailure = (error: unknown): void => {
        this.#services.onInternalFailure(asGatewayError(error), exchange.id)
      }
      this.#services.records.write(exchange.close(onFailure))
    }
    response.once('close', () => {
      if (exchange.over) void exchange.over.then(finish)
      else finish()
    })
    response.on('timeout', (socket) => {
      // who waits for the origin or for the shared rate has nothing to read yet: that is not idle
      const goesOn = exchange.stretch?.readerGoesOn() ?? socket.writableLength === 0
      if (goesOn) socket.setTimeout(socket.timeout ?? 0)
      else exchange.cut('gateway', 'reader_idle', 'the client took no bytes')
    })
    this.#serve(exchange).catch((error: unknown) => {
      if (exchange.isClosed) return
      const failure = answerFailure(exchange, error)
      if (failure.source === 'internal') this.#services.onInternalFailure(failure, exchange.id)
    })
  }

  async #serve(exchange: Exchange): Promise<void> {
    const arrival = receive(exchange, this.#entrance())
    if (arrival.outcome === 'answered') return
    if (arrival.outcome === 'refused') {
      exchange.decision = 'deny'
      answerRefusal(exchange, arrival.refusal, arrival.headers)
      return
    }
    const refusal =
      arrival.outcome === 'called'
        ? await this.#serveCall(exchange, arrival)
        : await this.#serveLink(exchange, arrival)
    if (!refusal) return
    exchange.decision = 'deny'
    answerRefusal(exchange, refusal)
  }

  /** A call of a published API ends in a text of its own, or goes on like any download. */
  async #serveCall(
    exchange: Exchange,
    { context, endpoint }: Extract<Arrival, { readonly outcome: 'called' }>,
  ): Promise<Refusal | undefined> {
    const { route } = exchange
    if (!route) throw new Error('an API without a route of its own')
    const answer = await endpoint.serve(callOf(exchange, context))
    if (answer.kind === 'text') {
      exchange.decision = answer.status < 400 ? 'permit' : 'deny'
      answerText(exchange, answer)
      return undefined
    }
    if (answer.kind === 'refused') return answer.refusal
    const { grant, name, missing } = answer
    const path = `${route.path}${name}` as CanonicalPath
    return this.#objects.serve(exchange, { context: { ...context, path }, route, grant }, () => {
      if (missing.kind === 'refused') answerRefusal(exchange, missing.refusal)
      else answerText(exchange, missing)
    })
  }

  #serveLink(
    exchange: Exchange,
    { context, route }: Accepted,
  ): Refusal | undefined | Promise<Refusal | undefined> {
    const verification = route.verifier.verify(context)
    if (verification.outcome === 'absent') return refuse('link_missing', 'no link of the route')
    if (verification.outcome === 'refused') return verification.refusal
    const { grant } = verification
    return this.#objects.serve(exchange, { context, route, grant }, () => {
      answerRefusal(exchange, refuse('object_not_found', `${route.originName} has no such object`))
    })
  }
}
