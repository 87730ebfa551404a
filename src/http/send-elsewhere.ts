import { asGatewayError } from '../base/failure.ts'
import type { DeliveryPlan } from '../delivery/plan.ts'
import type { DeliveryReport } from '../offload/delivery-report.ts'
import type { HandOvers, Outcome } from '../offload/hand-overs.ts'
import type { OpenObject } from '../origin/origin.ts'
import { answerWithoutBody, type DeliveryTerms, frame, headersOf, renewal } from './deliver.ts'
import type { Exchange } from './exchange.ts'
import { internalPath, sentRange, type Way } from './offload.ts'

/**
 * Answers so that somebody else sends the bytes. False when the gateway has to, after all: now that the
 * object is known.
 */
export async function sendElsewhere(
  exchange: Exchange,
  object: OpenObject,
  plan: DeliveryPlan,
  terms: DeliveryTerms,
  way: Exclude<Way, { kind: 'none' }>,
  onFailure: (error: unknown) => void,
): Promise<boolean> {
  if (plan.kind !== 'whole' && plan.kind !== 'part') return false
  if (terms.isSlowed) return keep(exchange, 'it is slowed')
  return way.kind === 'redirect'
    ? redirect(exchange, object, terms, way.expiresAt)
    : handOver(exchange, object, plan, terms, way, onFailure)
}

function keep(exchange: Exchange, why: string): false {
  exchange.note = `sent by the gateway: ${why}`
  return false
}

function handOver(
  exchange: Exchange,
  { meta }: OpenObject,
  { range }: Extract<DeliveryPlan, { kind: 'whole' | 'part' }>,
  terms: DeliveryTerms,
  { prefix, report, limitRate }: Extract<Way, { kind: 'x-accel' }>,
  onFailure: (error: unknown) => void,
): boolean {
  const { size } = meta
  if (size === undefined) return keep(exchange, 'its size is not known')
  const headers = headersOf(exchange, { meta }, terms)
  // nginx takes over some fields of an answer and drops the others
  for (const name of ['Content-Encoding', 'Content-Language', 'Content-Security-Policy']) {
    if (headers.includes(name)) return keep(exchange, `nginx drops its ${name}`)
  }
  if (report?.handOvers.has(report.ticket)) return keep(exchange, 'its ticket is in use')
  // nginx says itself whether it takes ranges
  const ranges = headers.indexOf('Accept-Ranges')
  if (ranges >= 0) headers.splice(ranges, 2)
  headers.push('X-Accel-Redirect', internalPath(prefix, terms.name), 'Content-Length', '0')
  if (limitRate !== undefined) headers.push('X-Accel-Limit-Rate', String(limitRate))
  if (report) {
    exchange.note = 'sent by nginx'
    listen(report)
  } else exchange.note = 'sent by nginx, which reports nothing'
  answerWithoutBody(exchange, 200, headers)
  return true

  function listen({ handOvers, ticket }: { handOvers: HandOvers; ticket: string }): void {
    exchange.over = new Promise((resolve) => {
      handOvers.begin(ticket, async (outcome) => {
        await settle(outcome).catch(onFailure)
        resolve()
      })
    })
    exchange.response.once('close', () => {
      // nginx did not get the answer, or not all of it
      if (!exchange.response.writableFinished) void handOvers.end(ticket, NOTHING_SENT(ticket))
    })
  }

  async function settle(outcome: Outcome): Promise<void> {
    const sent = sentRange(outcome, range, size ?? 0)
    tell(exchange, outcome, sent.end - sent.start)
    if (sent.end > sent.start || size === 0) await terms.count?.(sent.start, sent.end)
  }
}

const NOTHING_SENT = (ticket: string): DeliveryReport => ({
  ticket,
  status: 499,
  bytes: 0,
  isComplete: false,
  range: undefined,
})

function tell(exchange: Exchange, outcome: Outcome, sent: number): void {
  if (!outcome) {
    exchange.note =
      'sent by nginx, which did not say how it ended: all that was asked counts as sent'
    exchange.endElsewhere({ status: 200, by: 'gateway' })
    return
  }
  const { status, bytes, isComplete } = outcome
  exchange.bytes = bytes
  const isError = status >= 400 && status !== 499
  if (isError) exchange.note = `nginx answered ${status}`
  const by = isError ? 'origin' : isComplete && sent === bytes ? 'complete' : 'client'
  exchange.endElsewhere({ status, by })
}

async function redirect(
  exchange: Exchange,
  object: OpenObject,
  terms: DeliveryTerms,
  expiresAt: number,
): Promise<boolean> {
  const { context, grant, name, route } = terms
  const fields = headersOf(exchange, object, terms)
  let location: string | undefined
  try {
    location = await route.origin.presigner?.presign({
      name,
      method: 'GET',
      now: context.now,
      expiresAt,
      response: {
        contentDisposition: fieldOf(fields, 'Content-Disposition'),
        contentType: grant.response?.contentType ?? fieldOf(fields, 'Content-Type'),
      },
    })
  } catch (error) {
    return keep(exchange, `no link to the origin: ${asGatewayError(error).message}`)
  }
  if (location === undefined) return keep(exchange, 'no link to the origin can name it')
  if (exchange.isClosed) return true
  exchange.note = `redirected to the origin, for ${expiresAt - context.now} s`
  answerWithoutBody(exchange, 302, [
    'Location',
    location,
    'Content-Length',
    '0',
    'Cache-Control',
    'private, no-store',
    'Referrer-Policy',
    'no-referrer',
    'X-Content-Type-Options',
    'nosniff',
    ...frame(exchange, terms),
    ...renewal(terms),
  ])
  return true
}

function fieldOf(fields: readonly string[], name: string): string | undefined {
  const at = fields.indexOf(name)
  return at < 0 ? undefined : fields[at + 1]
}
