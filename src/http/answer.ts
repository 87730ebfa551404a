import { corsHeaders } from '../delivery/response-headers.ts'
import { asGatewayError, FAILURES, type GatewayError, messageOf } from '../base/failure.ts'
import { REASONS, type Refusal } from '../base/refusal.ts'
import type { Exchange } from './exchange.ts'

/** Seconds after which a client that met a limit may try again. */
const RETRY_AFTER = '5'
const ANY_ORIGIN = ['*']

/** Statuses after which the connection stays: the client did nothing that more requests would repeat. */
const KEEPS_CONNECTION = new Set([404, 412, 416])

/** Answers a request that is refused. The only place that turns a `Refusal` into a response. */
export function answerRefusal(
  exchange: Exchange,
  refusal: Refusal,
  headers: readonly string[] = [],
): void {
  const { status, code, title } = REASONS[refusal.reason]
  exchange.reason = refusal.reason
  exchange.detail = refusal.detail
  const extra = [...headers]
  if (status === 401) extra.push('WWW-Authenticate', 'Bearer realm="sluice"')
  if (status === 429) extra.push('Retry-After', RETRY_AFTER)
  writeProblem(exchange, status, code, title, extra, KEEPS_CONNECTION.has(status))
}

/** Answers a request that failed. Before the head is out a problem is sent; after it the connection is cut. */
export function answerFailure(exchange: Exchange, error: unknown): GatewayError {
  const failure = asGatewayError(error)
  const { code, source, status } = FAILURES[failure.code]
  exchange.reason = code
  exchange.detail =
    failure.cause === undefined
      ? failure.message
      : `${failure.message}: ${messageOf(failure.cause)}`
  if (exchange.response.headersSent) {
    exchange.cut(source === 'origin' ? 'origin' : 'gateway', code, exchange.detail)
  } else if (source === 'client') {
    exchange.cut('client', code, exchange.detail)
  } else {
    const extra = status === 503 ? ['Retry-After', RETRY_AFTER] : []
    writeProblem(exchange, status, code, 'The download failed', extra, false)
  }
  return failure
}

function writeProblem(
  exchange: Exchange,
  status: number,
  code: string,
  title: string,
  extra: readonly string[],
  keepConnection: boolean,
): void {
  const { response, request, headers: fields, route } = exchange
  const ofApi = exchange.problem?.({ status, code, title })
  const { mediaType, body, ...own } = ofApi
    ? { mediaType: ofApi.mediaType, body: Buffer.from(ofApi.body), headers: [] }
    : problemBody({ status, code, title }, exchange.id, fields?.accept)
  const headers = [
    'Content-Type',
    mediaType,
    'Content-Length',
    String(body.length),
    'X-Request-Id',
    exchange.id,
    ...GUARDS,
    ...corsHeaders(route?.policy.delivery.cors ?? ANY_ORIGIN, fields?.origin),
    ...own.headers,
    ...extra,
  ]
  if (!keepConnection || exchange.hasUnreadBody) headers.push('Connection', 'close')
  exchange.markFirstByte()
  response.writeHead(ofApi?.status ?? status, headers)
  exchange.bytes = request.method === 'HEAD' ? 0 : body.length
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** What every answer carries that is no object. */
export const GUARDS = [
  'Cache-Control',
  'no-store',
  'Referrer-Policy',
  'no-referrer',
  'X-Content-Type-Options',
  'nosniff',
]

/** A problem as its reader understands it: a page for browsers that navigate, else RFC 9457. */
export function problemBody(
  problem: { readonly status: number; readonly code: string; readonly title: string },
  requestId: string,
  accept: string | undefined,
): { readonly mediaType: string; readonly body: Buffer; readonly headers: readonly string[] } {
  const { status, code, title } = problem
  if (!prefersHtml(accept)) {
    const members = { type: 'about:blank', title, status, code, request_id: requestId }
    const body = Buffer.from(JSON.stringify(members))
    return { mediaType: 'application/problem+json', body, headers: [] }
  }
  return {
    mediaType: 'text/html; charset=utf-8',
    body: Buffer.from(page(status, title, code, requestId)),
    headers: ['Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'"],
  }
}

/** A browser that navigates names text/html; programs name nothing, `*` or JSON. */
function prefersHtml(accept: string | undefined): boolean {
  if (!accept?.includes('text/html')) return false
  const json = accept.search(/application\/(?:problem\+)?json/)
  return json < 0 || accept.indexOf('text/html') < json
}

function page(status: number, title: string, code: string, id: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${status} ${title}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32em;padding:0 1em;color:#222}
small{color:#666}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}</style>
<h1>${title}</h1>
<p><small>${status} · ${code} · request ${id}</small></p>
</html>
`
}
