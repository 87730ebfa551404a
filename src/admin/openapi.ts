import { openApiDocument, type Operation, type ResponseText } from '../openapi/document.ts'
import type { Json } from '../openapi/schemas.ts'
import type { Access } from './auth.ts'
import type { Declaration } from './endpoint.ts'
import { namedSchemas, problemSchema } from './named-schemas.ts'
import { type ProblemCode, PROBLEMS } from './problem.ts'

const SECURITY_SCHEME = 'adminToken'

/** OpenAPI 3.1 of the admin API. */
export function adminDocument(endpoints: readonly Declaration[], version: string): Json {
  return openApiDocument({
    title: 'Sluice admin API',
    version,
    description: 'Mints, inspects and withdraws download links, and shows what runs.',
    operations: endpoints.map(operationOf),
    securitySchemes: {
      [SECURITY_SCHEME]: {
        type: 'http',
        scheme: 'bearer',
        description:
          'A token of admin-tokens.json with one of the scopes that the operation names.',
      },
    },
    names: namedSchemas,
  })
}

function operationOf(endpoint: Declaration): Operation {
  const { method, path, summary, description, access, query, headers, body, replies } = endpoint
  return {
    method,
    path,
    summary,
    description: [description, scopeText(access)].filter((text) => text !== undefined).join('\n\n'),
    security: access === 'public' ? [] : access.map((scope) => ({ [SECURITY_SCHEME]: [scope] })),
    query,
    headers,
    body: body && { schema: body, isRequired: !body.safeParse({}).success },
    responses: { ...replies, ...failures(endpoint) },
  }
}

function scopeText(access: Access): string {
  return access === 'public' ? 'Needs no token.' : `Scope: ${access.join(' or ')}.`
}

/** One response a status; where several codes share one, its text lists them. */
function failures(endpoint: Declaration): Record<string, ResponseText> {
  const byStatus = Map.groupBy(problemsOf(endpoint), (code) => PROBLEMS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `${code}: ${PROBLEMS[code].title}`).join('; '),
        mediaType: 'application/problem+json',
        schema: problemSchema,
      },
    ]),
  )
}

/** Every problem that the endpoint can answer with. */
export function problemsOf(endpoint: Declaration): ProblemCode[] {
  const codes = new Set<ProblemCode>(endpoint.problems)
  if (endpoint.access !== 'public') codes.add('unauthorized').add('forbidden')
  if (endpoint.body) {
    codes.add('malformed_body').add('malformed_json').add('body_too_large')
    codes.add('unsupported_media_type')
  }
  if (endpoint.body ?? endpoint.query ?? endpoint.headers) codes.add('invalid_request')
  codes.add('internal_error').add('state_unavailable')
  return [...codes]
}
