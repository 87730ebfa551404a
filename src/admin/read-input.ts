import { bodyParser } from '@koa/bodyparser'
import type { Context } from 'koa'
import type { z } from 'zod'
import { schemaFindings } from '../config/schema-findings.ts'
import type { Endpoint } from './endpoint.ts'
import { type FieldError, invalid, problem, type Problem } from './problem.ts'

export interface Input {
  readonly body: unknown
  readonly query: Record<string, unknown>
  readonly headers: Record<string, unknown>
}

/** The parts of a request as their schemas read them, or all that is wrong with them. */
export async function readInput(endpoint: Endpoint, ctx: Context): Promise<Input | Problem> {
  const read = endpoint.body ? await readBody(ctx) : { body: undefined }
  if ('code' in read) return read
  const errors: FieldError[] = []
  const input: Input = {
    headers: endpoint.headers ? check(endpoint.headers, named(endpoint.headers, ctx), errors) : {},
    query: endpoint.query ? check(endpoint.query, { ...ctx.query }, errors) : {},
    body: endpoint.body ? check(endpoint.body, read.body, errors) : undefined,
  }
  return errors.length > 0 ? invalid(errors) : input
}

/** The value as its schema reads it; after an error, nobody looks at what comes back. */
function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  errors: FieldError[],
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  for (const { path, message } of schemaFindings(schema, value, result.error.issues)) {
    errors.push({ field: fieldName(path), message })
  }
  return value as z.output<Schema>
}

/** `[3].path`, `as.ip`; the request as a whole is `body`. */
export function fieldName(path: readonly (string | number)[]): string {
  const name = path
    .map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${segment}`))
    .join('')
  return name === '' ? 'body' : name.replace(/^\./, '')
}

function named(schema: z.ZodObject, ctx: Context): Record<string, unknown> {
  const present = Object.keys(schema.shape).flatMap((name) => {
    const value = ctx.req.headers[name.toLowerCase()]
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(present)
}

const parseBody = bodyParser({
  enableTypes: ['json'],
  jsonLimit: '1mb',
  // whether it has to be an object is for the schema to say
  jsonStrict: false,
})

async function readBody(ctx: Context): Promise<{ readonly body: unknown } | Problem> {
  const { 'transfer-encoding': chunked, 'content-length': length } = ctx.req.headers
  if (chunked === undefined && Number(length ?? 0) === 0) return { body: {} }
  if (ctx.request.is('application/json') === false) return problem('unsupported_media_type')
  try {
    await parseBody(ctx, () => Promise.resolve())
  } catch (error) {
    return bodyProblem(error)
  }
  const { body, rawBody } = ctx.request
  if (body === undefined) return problem('malformed_body', { detail: 'it ended early' })
  return { body: rawBody === '' ? {} : body }
}

/** The parser's errors hold the body: only their class and status are looked at. */
function bodyProblem(error: unknown): Problem {
  if (error instanceof SyntaxError) return problem('malformed_json')
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  // node reads on to the end of the body: a connection closed on unread bytes would lose the answer
  if (status === 413) return problem('body_too_large', { detail: 'at most 1 MiB' })
  if (status === 415) return problem('unsupported_media_type', { detail: 'unknown encoding' })
  return problem('malformed_body')
}
