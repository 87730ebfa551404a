import { refuse } from '../base/refusal.ts'
import {
  type ByteRange,
  formatContentRange,
  formatUnsatisfiedRange,
} from '../delivery/byte-range.ts'
import { frameMultipart } from '../delivery/multipart.ts'
import type { DeliveryPlan } from '../delivery/plan.ts'
import {
  contentDisposition,
  contentTypeFor,
  corsHeaders,
  objectHeaders,
  PRIVATE,
  validatorHeaders,
} from '../delivery/response-headers.ts'
import type { KernelCopier } from '../kernel-copy/kernel-copier.ts'
import type { ByteRate } from '../lease/rate.ts'
import type { Grant, ResponseOverrides } from '../link/grant.ts'
import type { ObjectMeta, OpenObject } from '../origin/origin.ts'
import type { RequestContext } from '../request/request-context.ts'
import { answerFailure, answerRefusal } from './answer.ts'
import { ClientBody } from './client-body.ts'
import { cacheControlOf, varyOf } from './edge-cache.ts'
import type { Exchange } from './exchange.ts'
import type { Route } from './route.ts'

/** What a permitted request obliges the delivery to. */
export interface DeliveryTerms {
  readonly route: Route
  readonly context: RequestContext
  readonly grant: Grant
  /** The object's name below the route. */
  readonly name: string
  readonly rate: ByteRate | undefined
  /** The download is slowed, for what sharing says of its link. */
  readonly isSlowed?: boolean | undefined
  readonly count: ((start: number, end: number) => Promise<void> | undefined) | undefined
  readonly copier: KernelCopier | undefined
}

/** Answers with the object, as planned. */
export function deliver(
  exchange: Exchange,
  object: OpenObject,
  plan: DeliveryPlan,
  terms: DeliveryTerms,
): void {
  if (exchange.isClosed) return
  switch (plan.kind) {
    case 'not-modified':
      answerWithoutBody(exchange, 304, [
        ...validatorHeaders(object.meta, cacheControlOf(terms, exchange.now)),
        ...frame(exchange, terms),
        ...renewal(terms),
      ])
      return
    case 'precondition-failed':
      answerRefusal(exchange, refuse('precondition_failed', 'If-Match or If-Unmodified-Since'))
      return
    case 'unsatisfiable': {
      const contentRange = formatUnsatisfiedRange(plan.size)
      const refusal = refuse('range_not_satisfiable', contentRange)
      answerRefusal(exchange, refusal, ['Content-Range', contentRange, 'Accept-Ranges', 'bytes'])
      return
    }
    case 'whole':
      deliverRange(exchange, object, plan.range, terms)
      return
    case 'part':
      deliverRange(exchange, object, plan.range, terms, [
        'Content-Range',
        formatContentRange(plan.range, plan.size),
      ])
      return
    case 'parts':
      deliverParts(exchange, object, plan.ranges, plan.size, terms)
      return
    default:
      plan satisfies never
  }
}

function deliverRange(
  exchange: Exchange,
  object: OpenObject,
  { start, end }: ByteRange,
  terms: DeliveryTerms,
  contentRange?: readonly string[],
): void {
  const status = contentRange ? 206 : 200
  const headers = headersOf(exchange, object, terms)
  if (contentRange) headers.push(...contentRange)
  const length = end === Infinity ? undefined : end - start
  if (length === undefined) exchange.isUnframed = true
  else headers.push('Content-Length', String(length))
  if (exchange.request.method === 'HEAD' || length === 0) {
    const counted = exchange.request.method === 'HEAD' ? undefined : terms.count?.(start, end)
    answerCounted(exchange, counted, () => {
      answerWithoutBody(exchange, status, headers)
    })
    return
  }
  const body = new ClientBody(exchange, {
    ...bodyOptions(exchange, terms),
    status,
    headers,
    length,
    copier: terms.copier,
    onPartEnd: () => {
      body.finish()
    },
  })
  body.follow(start, (sink) => object.send(start, end, sink))
}

/** Several ranges, one after the other, in multipart framing (RFC 9110 section 14.6). */
function deliverParts(
  exchange: Exchange,
  object: OpenObject,
  ranges: readonly ByteRange[],
  size: number,
  terms: DeliveryTerms,
): void {
  const framing = frameMultipart(ranges, size, contentTypeOf(object, terms))
  const headers = headersOf(exchange, object, terms, framing.contentType)
  headers.push('Content-Length', String(framing.contentLength))
  let next = 0
  const body = new ClientBody(exchange, {
    ...bodyOptions(exchange, terms),
    status: 206,
    headers,
    length: framing.contentLength,
    onPartEnd: sendNext,
  })
  sendNext()

  function sendNext(): void {
    const range = ranges[next]
    const head = framing.heads[next]
    next++
    if (!range || !head) {
      body.frame(framing.tail)
      body.finish()
      return
    }
    body.frame(head)
    body.follow(range.start, (sink) => object.send(range.start, range.end, sink))
  }
}

function bodyOptions(
  exchange: Exchange,
  { rate, count }: DeliveryTerms,
): Pick<ConstructorParameters<typeof ClientBody>[1], 'rate' | 'count' | 'onFailure'> {
  return {
    rate,
    count,
    onFailure: (error) => {
      answerFailure(exchange, error)
    },
  }
}

/** Nothing goes out before the use that it makes is counted. */
function answerCounted(
  exchange: Exchange,
  counted: Promise<void> | undefined,
  answer: () => void,
): void {
  if (!counted) answer()
  else {
    counted.then(answer, (error: unknown) => {
      answerFailure(exchange, error)
    })
  }
}

/** Answers with a head alone. */
export function answerWithoutBody(exchange: Exchange, status: number, headers: string[]): void {
  exchange.markFirstByte()
  exchange.response.writeHead(status, headers)
  exchange.response.end()
}

function contentTypeOf(object: Pick<OpenObject, 'meta'>, { grant, name }: DeliveryTerms): string {
  return grant.response?.contentType ?? object.meta.contentType ?? contentTypeFor(name)
}

/** The fields of a 200 or 206 but for Content-Length and Content-Range. */
export function headersOf(
  exchange: Exchange,
  object: Pick<OpenObject, 'meta'>,
  terms: DeliveryTerms,
  contentType = contentTypeOf(object, terms),
): string[] {
  const { response } = terms.grant
  const disposition = response?.contentDisposition ?? dispositionOf(terms)
  const cacheControl = cacheControlOf(terms, exchange.now)
  const headers = objectHeaders(metaOf(object, response), contentType, disposition, cacheControl)
  // a link's Cache-Control is not sent: how long gated bytes are kept is not for links to say
  if (response?.expires !== undefined && cacheControl === PRIVATE) {
    headers.push('Expires', response.expires)
  }
  // shown in the browser these could run as pages of the gateway's own origin
  if (!/^\s*attachment\b/i.test(disposition) && /html|xml|svg/i.test(contentType)) {
    headers.push('Content-Security-Policy', 'sandbox')
  }
  headers.push(...frame(exchange, terms), ...renewal(terms))
  return headers
}

function dispositionOf({ grant, name, route }: DeliveryTerms): string {
  const { streaming, filename } = grant.constraints
  const disposition =
    streaming === undefined
      ? route.policy.delivery.disposition
      : streaming
        ? 'inline'
        : 'attachment'
  return contentDisposition(disposition, filename ?? name.slice(name.lastIndexOf('/') + 1))
}

/** What is known of the object, with what the link says of its coding and language. */
function metaOf(
  { meta }: Pick<OpenObject, 'meta'>,
  response: ResponseOverrides | undefined,
): ObjectMeta {
  if (!response) return meta
  const { contentEncoding = meta.contentEncoding, contentLanguage = meta.contentLanguage } =
    response
  return { ...meta, contentEncoding, contentLanguage }
}

/** What keeps a link going while it is used. */
export function renewal({ context, grant }: DeliveryTerms): readonly string[] {
  return grant.renew?.(context) ?? []
}

/** What every answer carries. */
export function frame(exchange: Exchange, { route, context }: DeliveryTerms): string[] {
  return [
    'X-Request-Id',
    exchange.id,
    ...corsHeaders(route.policy.delivery.cors, context.headers.origin),
    ...varyOf(route, context),
  ]
}
