import { asGatewayError, FAILURES, type GatewayError, messageOf } from '../../base/failure.ts'
import { REASONS, type Refusal } from '../../base/refusal.ts'
import { corsHeaders } from '../../delivery/response-headers.ts'
import type { Grant } from '../../link/grant.ts'
import { encodePath } from '../../request/canonical-path.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { GUARDS, problemBody } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Dialect } from './forwarded-request.ts'

/** What of a permitted request the proxy may want to know. */
export interface Permitted {
  readonly context: RequestContext
  readonly grant: Grant
  /** Bytes a second that the proxy is asked to keep to. */
  readonly rate: number | undefined
}

/** Envoy takes 200 alone for a yes; nginx, Traefik and Caddy any 2xx. */
export function answerPermit(
  exchange: Exchange,
  dialect: Dialect,
  { context, grant, rate }: Permitted,
): void {
  const { subject } = grant.constraints
  const headers = [
    'X-Request-Id',
    exchange.id,
    ...GUARDS,
    'X-Sluice-Link-Id',
    headerText(grant.linkId),
    'X-Sluice-Kid',
    headerText(grant.key.kid),
    'X-Sluice-Path',
    encodePath(context.path),
  ]
  if (subject !== undefined) headers.push('X-Sluice-Subject', headerText(subject))
  if (grant.validUntil !== Infinity) headers.push('X-Sluice-Expires', String(grant.validUntil))
  if (rate !== undefined) headers.push('X-Sluice-Rate', String(rate))
  if (dialect === 'envoy') headers.push('Content-Length', '0')
  exchange.response.writeHead(dialect === 'envoy' ? 200 : 204, headers)
  exchange.response.end()
}

/**
 * 401 and 403 alone: nginx takes any other status for a failure. The reason is the public code, since
 * proxies pass the fields of this answer on to the client.
 */
export function answerDenial(exchange: Exchange, refusal: Refusal): void {
  const { status, code, title } = REASONS[refusal.reason]
  exchange.reason = refusal.reason
  exchange.detail = refusal.detail
  const isUnsigned = status === 401
  const extra = isUnsigned ? ['WWW-Authenticate', 'Bearer realm="sluice"'] : []
  write(exchange, { status: isUnsigned ? 401 : 403, code, title }, extra)
}

/** No proxy takes this for a yes. */
export function answerBroken(exchange: Exchange, error: unknown): GatewayError {
  const failure = asGatewayError(error)
  const { code, status } = FAILURES[failure.code]
  exchange.reason = code
  exchange.detail = failure.cause ? messageOf(failure.cause) : failure.message
  write(exchange, { status, code, title: 'The request cannot be decided' }, [])
  return failure
}

function write(
  exchange: Exchange,
  problem: { readonly status: number; readonly code: string; readonly title: string },
  extra: readonly string[],
): void {
  const { headers: fields, route, response } = exchange
  const { mediaType, body, headers } = problemBody(problem, exchange.id, fields?.accept)
  response.writeHead(problem.status, [
    'Content-Type',
    mediaType,
    'Content-Length',
    String(body.length),
    'X-Request-Id',
    exchange.id,
    ...GUARDS,
    'X-Sluice-Reason',
    problem.code,
    ...corsHeaders(route?.policy.delivery.cors ?? [], fields?.origin),
    ...headers,
    ...extra,
  ])
  response.end(exchange.request.method === 'HEAD' ? undefined : body)
}

/** Text as a field value: what is not printable ASCII, and the percent sign, percent-encoded as UTF-8. */
function headerText(text: string): string {
  if (PLAIN.test(text)) return text
  return text.toWellFormed().replace(/[^\x21-\x24\x26-\x7e]+/gu, encodeURIComponent)
}

const PLAIN = /^[\x21-\x24\x26-\x7e]*$/
