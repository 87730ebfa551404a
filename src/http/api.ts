import type { Refusal } from '../base/refusal.ts'
import type { Grant } from '../link/grant.ts'
import type { RequestContext } from '../request/request-context.ts'
import type { Route } from './route.ts'

/** One call of an API on the public port. */
export interface ApiCall {
  readonly context: RequestContext
  /** The whole request body; undefined when it is larger than any call of these APIs. */
  readBody(): Promise<Buffer | undefined>
}

/** An answer in the API's own words. */
export interface ApiText {
  readonly kind: 'text'
  readonly status: number
  readonly mediaType: string
  /** Empty: no body at all. */
  readonly body: string
  /** Names and values in turn. */
  readonly headers?: readonly string[]
  /** For the record: the API's own code of an error, and who called. */
  readonly reason?: string
  readonly kid?: string
}

/** The call is answered with an object of the catalogue, as any download is. */
export interface ApiObject {
  readonly kind: 'object'
  /** What lets the request in: a client's own right, or a link that the call carried. */
  readonly grant: Grant
  /** The name below the route of the catalogue. */
  readonly name: string
  /** What is answered when there is no such object. */
  readonly missing: ApiText | ApiRefusal
}

/** The call is refused as a download is: no link, a wrong one, no such object. */
export interface ApiRefusal {
  readonly kind: 'refused'
  readonly refusal: Refusal
}

export type ApiAnswer = ApiText | ApiObject | ApiRefusal

/** What the gateway itself has to say to a caller: a refusal, a failure, a wrong method. */
export interface ApiProblem {
  readonly status: number
  readonly code: string
  readonly title: string
}

/** The endpoint that a path names. */
export interface ApiEndpoint {
  /** The path with names in braces, for records and metrics. */
  readonly template: string
  /** The path without what must not be written down: a token in it. */
  readonly recordedPath: string
  /** GET stands for HEAD, too. */
  readonly methods: readonly string[]
  serve(call: ApiCall): Promise<ApiAnswer>
  /** The problem in the API's own shape; undefined where a download's usual one is right. */
  problem(context: RequestContext, problem: ApiProblem): ApiText | undefined
}

/** The published APIs that are switched on, and the route that serves what they hand out. */
export interface Apis {
  readonly route: Route
  find(path: string): ApiEndpoint | undefined
  /** Whether the field Authorization holds the token of a client, which is not a link. */
  isClientToken(authorization: string): boolean
}
