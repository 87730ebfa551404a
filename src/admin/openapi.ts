import { z } from 'zod'
import type { Access } from './auth.ts'
import type { Endpoint, Reply } from './endpoint.ts'
import { namedSchemas, problemSchema } from './named-schemas.ts'
import { type ProblemCode, PROBLEMS } from './problem.ts'

type Json = Readonly<Record<string, unknown>>

const SECURITY_SCHEME = 'adminToken'

/** OpenAPI 3.1 of the endpoints, from the schemas that validate. */
export function openApiDocument(endpoints: readonly Endpoint[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const endpoint of endpoints) {
    const path = documentedPath(endpoint.path)
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice admin API',
      version,
      description: 'Mints, inspects and withdraws download links, and shows what runs.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        [SECURITY_SCHEME]: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token of admin-tokens.json with one of the scopes that the operation names.',
        },
      },
    },
  }
}

/** The path as OpenAPI writes it. */
export function documentedPath(path: string): string {
  return path.replace('*}', '}')
}

function operation(endpoint: Endpoint): Json {
  const { summary, description, access, body, replies } = endpoint
  const parameters = [
    ...[...endpoint.path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...parametersOf(endpoint.query, 'query'),
    ...parametersOf(endpoint.headers, 'header'),
  ]
  return {
    operationId: operationId(endpoint),
    summary,
    description: [description, scopeText(access)].filter((text) => text !== undefined).join('\n\n'),
    security: access === 'public' ? [] : access.map((scope) => ({ [SECURITY_SCHEME]: [scope] })),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: !body.safeParse({}).success,
        content: { 'application/json': { schema: schemaOf(body) } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(replies).map(([status, reply]) => [status, success(reply)]),
      ),
      ...failures(endpoint),
    },
  }
}

function scopeText(access: Access): string {
  return access === 'public' ? 'Needs no token.' : `Scope: ${access.join(' or ')}.`
}

/** `POST /v1/keys/{kid}/retire` is `postKeysKidRetire`. */
function operationId({ method, path }: Endpoint): string {
  const words = path.match(/\w+/g)?.filter((word) => word !== 'v1') ?? []
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return method.toLowerCase() + (name === '' ? 'Root' : name)
}

function parametersOf(schema: z.ZodObject | undefined, place: 'query' | 'header'): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    // what a parameter is read as says more than the text that it is written as
    const { description, ...rest } = unanchored(z.toJSONSchema(field, { io: 'output' }))
    const required = !z.safeParse(field, undefined).success
    return {
      name,
      in: place,
      required,
      ...(description !== undefined && { description }),
      schema: rest,
    }
  })
}

function success({ description, schema, headers, mediaType = 'application/json' }: Reply): Json {
  const content = schema ? schemaOf(schema) : { type: 'string' }
  return {
    description,
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [
          name,
          { description: text, schema: { type: 'string' } },
        ]),
      ),
    }),
    ...((schema ?? mediaType !== 'application/json') && {
      content: { [mediaType]: { schema: content } },
    }),
  }
}

/** One response a status; where several codes share one, its text lists them. */
function failures(endpoint: Endpoint): Record<string, Json> {
  const byStatus = Map.groupBy(problemsOf(endpoint), (code) => PROBLEMS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `${code}: ${PROBLEMS[code].title}`).join('; '),
        content: { 'application/problem+json': { schema: schemaOf(problemSchema) } },
      },
    ]),
  )
}

/** Every problem that the endpoint can answer with. */
export function problemsOf(endpoint: Endpoint): ProblemCode[] {
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

function schemaOf(schema: z.ZodType): Json {
  const name = namedSchemas.get(schema)?.id
  if (name !== undefined) return { $ref: reference(name) }
  return unanchored(z.toJSONSchema(schema, { io: 'input' }))
}

function reference(name: string): string {
  return `#/components/schemas/${name}`
}

function componentSchemas(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(namedSchemas, { io: 'input', uri: reference })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, unanchored(schema)]),
  )
}

/** Without its own dialect and address: inside a document, both are the document's. */
function unanchored({ $schema: _dialect, $id: _address, ...schema }: Json): Json {
  return schema
}
