import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Context, Middleware } from 'koa'
import { asGatewayError } from '../base/failure.ts'
import type { Outcome } from './endpoint.ts'
import { problem, type Problem, PROBLEMS } from './problem.ts'
import type { AdminServices } from './services.ts'

const PROBLEM_TYPE = 'application/problem+json'

const GUARDS = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

/**
 * The one place that writes responses, good and bad. A failure is answered without its text and reported;
 * `unrouted` says what a request gets that no endpoint took.
 */
export function answering(
  services: AdminServices,
  unrouted: (ctx: Context) => Problem,
): Middleware {
  return async (ctx, next) => {
    const requestId = randomUUID()
    try {
      await next()
      send(ctx, outcomes.get(ctx) ?? unrouted(ctx), requestId)
    } catch (error) {
      const failure = asGatewayError(error)
      services.onInternalFailure(failure, requestId)
      const code = failure.source === 'state' ? 'state_unavailable' : 'internal_error'
      send(ctx, problem(code), requestId)
    }
  }
}

const outcomes = new WeakMap<Context, Outcome>()

/** Leaves an outcome for the answering middleware. */
export function settle(ctx: Context, outcome: Outcome): void {
  outcomes.set(ctx, outcome)
}

/** Answers a problem past Koa. */
export function sendProblem(response: ServerResponse, outcome: Problem): void {
  const requestId = randomUUID()
  const headers = { ...GUARDS, 'X-Request-Id': requestId, ...outcome.headers }
  response.writeHead(PROBLEMS[outcome.code].status, { ...headers, 'Content-Type': PROBLEM_TYPE })
  response.end(problemText(outcome, requestId))
}

function problemText({ code, detail, errors }: Problem, requestId: string): string {
  const { status, title } = PROBLEMS[code]
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    code,
    ...(detail !== undefined && { detail }),
    ...(errors && { errors }),
    request_id: requestId,
  })
}

function send(ctx: Context, outcome: Outcome, requestId: string): void {
  ctx.set({ ...GUARDS, 'X-Request-Id': requestId, ...outcome.headers })
  if ('code' in outcome) {
    ctx.status = PROBLEMS[outcome.code].status
    ctx.set('Content-Type', PROBLEM_TYPE)
    ctx.body = problemText(outcome, requestId)
    return
  }
  ctx.status = outcome.status
  if (outcome.status === 204) return
  const { body, mediaType } = outcome
  ctx.set('Content-Type', mediaType ?? 'application/json')
  ctx.body = mediaType === undefined ? JSON.stringify(body) : String(body)
}
