import { z } from 'zod'
import { componentSchemas, type Json, parametersOf, schemaOf, type SchemaNames } from './schemas.ts'

/** One operation as it is described, whoever serves it. */
export interface Operation {
  readonly method: string
  /** A template as in OpenAPI; a star behind a name is left out. */
  readonly path: string
  readonly summary: string
  readonly description?: string | undefined
  /** Ways to be let in, each by the name of its security scheme; empty: anyone. */
  readonly security: readonly Json[]
  readonly query?: z.ZodObject | undefined
  readonly headers?: z.ZodObject | undefined
  readonly body?: { readonly schema: z.ZodType; readonly isRequired: boolean } | undefined
  readonly responses: Readonly<Record<string, ResponseText>>
}

/** One answer as it is described. */
export interface ResponseText {
  readonly description: string
  readonly schema?: z.ZodType | undefined
  /** Default: application/json. */
  readonly mediaType?: string | undefined
  /** What the header fields say, by their names. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface OpenApiOptions {
  readonly title: string
  readonly version: string
  readonly description: string
  /** What the paths are below; default: where the document came from. */
  readonly server?: string
  readonly operations: readonly Operation[]
  readonly securitySchemes: Json
  /** Default: no schema has a name. */
  readonly names?: SchemaNames
}

/** OpenAPI 3.1, from the schemas that validate. */
export function openApiDocument(options: OpenApiOptions): Json {
  const { title, version, description, server, operations, securitySchemes } = options
  const names = options.names ?? z.registry<{ id: string }>()
  const paths: Record<string, Record<string, Json>> = {}
  for (const each of operations) {
    const path = documentedPath(each.path)
    paths[path] = { ...paths[path], [each.method.toLowerCase()]: operation(each, names) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title,
      version,
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    ...(server !== undefined && { servers: [{ url: server }] }),
    paths,
    components: { schemas: componentSchemas(names), securitySchemes },
  }
}

/** The path as OpenAPI writes it. */
export function documentedPath(path: string): string {
  return path.replace('*}', '}')
}

function operation(source: Operation, names: SchemaNames): Json {
  const { path, summary, description, security, query, headers, body, responses } = source
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\*?\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...parametersOf(query, 'query'),
    ...parametersOf(headers, 'header'),
  ]
  return {
    operationId: operationId(source),
    summary,
    ...(description !== undefined && { description }),
    security,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: body.isRequired,
        content: { 'application/json': { schema: schemaOf(body.schema, names) } },
      },
    }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, text]) => [status, response(text, names)]),
    ),
  }
}

/** `POST /v1/keys/{kid}/retire` is `postKeysKidRetire`. */
function operationId({ method, path }: Operation): string {
  const words = path.match(/\w+/g)?.filter((word) => word !== 'v1') ?? []
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  return method.toLowerCase() + (name === '' ? 'Root' : name)
}

function response(
  { description, schema, headers, mediaType = 'application/json' }: ResponseText,
  names: SchemaNames,
): Json {
  const content = schema ? schemaOf(schema, names) : { type: 'string' }
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
