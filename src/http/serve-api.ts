import { corsHeaders } from '../delivery/response-headers.ts'
import type { RequestContext } from '../request/request-context.ts'
import { GUARDS } from './answer.ts'
import type { ApiCall, ApiText } from './api.ts'
import type { Exchange } from './exchange.ts'
import type { RequestMessage } from './message.ts'

/** More than any call of the published APIs has to say. */
const MAX_BODY = 64 * 1024

export function callOf(exchange: Exchange, context: RequestContext): ApiCall {
  let body: Promise<Buffer | undefined> | undefined
  return { context, readBody: () => (body ??= readBody(exchange.request)) }
}

/** Undefined for one that is too large: its rest is not read. */
async function readBody(request: RequestMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  // leaving a loop over it would destroy the connection, and the answer with it
  const iterator = (request as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    size += next.value.length
    if (size > MAX_BODY) return undefined
    chunks.push(next.value)
  }
  return Buffer.concat(chunks)
}

/** Writes an answer of an API. A connection whose request was not read to its end closes. */
export function answerText(exchange: Exchange, answer: ApiText): void {
  const { request, response } = exchange
  if (exchange.isClosed) return
  exchange.reason = answer.reason
  exchange.kid = answer.kid
  const body = Buffer.from(answer.body)
  const headers = [
    'X-Request-Id',
    exchange.id,
    ...GUARDS,
    ...corsHeaders(exchange.route?.policy.delivery.cors ?? [], exchange.headers?.origin),
    ...(answer.headers ?? []),
  ]
  if (answer.status !== 204) headers.push('Content-Length', String(body.length))
  if (body.length > 0) headers.push('Content-Type', answer.mediaType)
  if (exchange.hasUnreadBody) headers.push('Connection', 'close')
  exchange.markFirstByte()
  response.writeHead(answer.status, headers)
  exchange.bytes = request.method === 'HEAD' ? 0 : body.length
  response.end(request.method === 'HEAD' ? undefined : body)
}
