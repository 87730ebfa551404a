import type { z } from 'zod'
import type { ApiName } from '../config/apis-schema.ts'
import type { ApiAnswer, ApiCall, ApiProblem, ApiText } from '../http/api.ts'
import type { RequestContext } from '../request/request-context.ts'

/** One published API: its endpoints, and the shape in which it says no. */
export interface Dialect {
  readonly name: ApiName
  readonly title: string
  readonly endpoints: readonly DialectEndpoint[]
  /** What the gateway itself has to say (a refusal, a failure, 405), in the API's own shape; undefined keeps the gateway's. */
  problem(context: RequestContext, problem: ApiProblem): ApiText | undefined
}

/** A call with the names of its path filled in. */
export interface DialectCall extends ApiCall {
  readonly parameters: Readonly<Record<string, string>>
}

/** How a caller shows who it is; `none` where the API asks for nothing. */
export type Credential = 'bearer' | 'hmac' | 'none'

/** One operation: served by `handle`, described for the OpenAPI document by the rest. */
export interface DialectEndpoint {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** `{name}` stands for one path segment, or for a part of one: `{format}.json`. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly credentials: readonly Credential[]
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  readonly replies: Readonly<Record<number, DialectReply>>
  handle(call: DialectCall): Promise<ApiAnswer>
}

export interface DialectReply {
  readonly description: string
  readonly schema?: z.ZodType
  /** Default: application/json. */
  readonly mediaType?: string
}
