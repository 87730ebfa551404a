import { openApiDocument, type Operation } from '../openapi/document.ts'
import type { Json } from '../openapi/schemas.ts'
import type { Credential, Dialect, DialectEndpoint } from './dialect.ts'

const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of a client with the scope of this API.',
  },
  hmac: {
    type: 'apiKey',
    in: 'query',
    name: 'signature',
    description:
      'HMAC-SHA256 in hex, under the secret of the client that client_id names, over path and query up to this parameter, which is the last.',
  },
} as const satisfies Record<Exclude<Credential, 'none'>, Json>

/** What a document says of the gateway that serves the API. */
export interface Publication {
  readonly version: string
  readonly publicUrl: string
}

/** OpenAPI 3.1 of one API, from the schemas of its endpoints. */
export function dialectDocument(
  { title, endpoints }: Dialect,
  { version, publicUrl }: Publication,
): Json {
  const used = new Set(endpoints.flatMap(({ credentials }) => credentials))
  return openApiDocument({
    title,
    version,
    description: `The endpoints of the ${title} API that this gateway serves.`,
    server: publicUrl,
    operations: endpoints.map(operationOf),
    securitySchemes: Object.fromEntries(
      Object.entries(SECURITY_SCHEMES).filter(([name]) => used.has(name as Credential)),
    ),
  })
}

function operationOf(endpoint: DialectEndpoint): Operation {
  const { method, path, summary, description, credentials, query, body, replies } = endpoint
  const isOpen = credentials.every((credential) => credential === 'none')
  return {
    method,
    path,
    summary,
    description,
    // an empty requirement beside others: with them or without
    security: isOpen
      ? []
      : credentials.map((credential) => (credential === 'none' ? {} : { [credential]: [] })),
    query,
    body: body && { schema: body, isRequired: !body.safeParse(undefined).success },
    responses: replies,
  }
}
