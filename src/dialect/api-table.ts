import { escapePattern } from '../base/escape-pattern.ts'
import type { ApiEndpoint, Apis } from '../http/api.ts'
import type { Route } from '../http/route.ts'
import type { Json } from '../openapi/schemas.ts'
import type { ApiClients } from './clients.ts'
import type { Dialect, DialectEndpoint } from './dialect.ts'
import { dialectDocument, type Publication } from './openapi.ts'

interface Place {
  readonly template: string
  readonly pattern: RegExp
  readonly dialect: Dialect
  readonly endpoints: readonly DialectEndpoint[]
}

/** A segment that holds a token, or one with something added; records show `~` in its place. */
const TOKEN = /eyJ.*\.|[\w-]+\.[\w-]+\.[\w-]*/

/** Finds the endpoint of a path among those of all dialects that are switched on. */
export class ApiTable implements Apis {
  readonly route: Route
  readonly #dialects: readonly Dialect[]
  readonly #places: readonly Place[]
  readonly #clients: ApiClients

  /** `route` serves what the dialects hand out. */
  constructor(dialects: readonly Dialect[], route: Route, clients: ApiClients) {
    this.route = route
    this.#clients = clients
    this.#dialects = dialects
    this.#places = dialects.flatMap((dialect) =>
      [...Map.groupBy(dialect.endpoints, ({ path }) => path)].map(([template, endpoints]) => ({
        template,
        pattern: patternOf(template),
        dialect,
        endpoints,
      })),
    )
  }

  /** The OpenAPI document of one of the dialects. */
  document(name: string, publication: Publication): Json | undefined {
    const dialect = this.#dialects.find((candidate) => candidate.name === name)
    return dialect && dialectDocument(dialect, publication)
  }

  find(path: string): ApiEndpoint | undefined {
    for (const place of this.#places) {
      const found = place.pattern.exec(path)
      if (found) return endpointOf(place, path, found.groups ?? {})
    }
    return undefined
  }

  isClientToken(authorization: string): boolean {
    return this.#clients.byToken(authorization) !== undefined
  }
}

function endpointOf(
  { template, dialect, endpoints }: Place,
  path: string,
  parameters: Readonly<Record<string, string>>,
): ApiEndpoint {
  return {
    template,
    recordedPath: path
      .split('/')
      .map((segment) => (TOKEN.test(segment) ? '~' : segment))
      .join('/'),
    methods: endpoints.map(({ method }) => method),
    async serve(call) {
      const method = call.context.method === 'HEAD' ? 'GET' : call.context.method
      const endpoint = endpoints.find((candidate) => candidate.method === method)
      if (!endpoint) throw new Error(`${template} has no ${method}`)
      return endpoint.handle({ ...call, parameters })
    },
    problem: (context, problem) => dialect.problem(context, problem),
  }
}

function patternOf(template: string): RegExp {
  const source = template
    .split(/(\{\w+\})/)
    .map((part) => /^\{(\w+)\}$/.exec(part)?.[1] ?? part)
    .map((part, i) => (i % 2 === 1 ? `(?<${part}>[^/]+?)` : escapePattern(part)))
    .join('')
  return new RegExp(`^${source}$`)
}
