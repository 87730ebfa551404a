import type { z } from 'zod'
import type { Access } from './auth.ts'
import type { Problem, ProblemCode } from './problem.ts'
import type { AdminServices } from './services.ts'

/** What a fulfilled request gets; a body is sent as JSON unless a media type says otherwise. */
export interface Answer {
  readonly status: 200 | 201 | 204
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** The body is text of this type. */
  readonly mediaType?: string
}

export type Outcome = Answer | Problem

/** The names in braces of a path template. */
type PathParameters<Path extends string> = string extends Path
  ? Readonly<Record<string, string>>
  : Path extends `${string}{${infer Name}}${infer Rest}`
    ? { readonly [N in PlainName<Name>]: string } & PathParameters<Rest>
    : unknown

/** Without the star of one that takes slashes. */
type PlainName<Name extends string> = Name extends `${infer Plain}*` ? Plain : Name

/** One request that was let in and whose parts fit their schemas. */
interface Call<Path extends string, Body, Query, Headers> {
  readonly services: AdminServices
  /** The id of the token, for the audit log. */
  readonly actor: string
  readonly parameters: PathParameters<Path>
  readonly body: Body
  readonly query: Query
  readonly headers: Headers
}

/** A success, as the document describes it. */
export interface Reply {
  readonly description: string
  readonly schema?: z.ZodType
  readonly headers?: Readonly<Record<string, string>>
  readonly mediaType?: string
}

/** One operation, declared once: the router, the validation and the OpenAPI document read it. */
export interface Declaration<
  Path extends string = string,
  Body extends z.ZodType = z.ZodType,
  Query extends z.ZodObject = z.ZodObject,
  Headers extends z.ZodObject = z.ZodObject,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** A template as in OpenAPI; `{name*}` at the end takes slashes too. */
  readonly path: Path
  readonly access: Access
  readonly summary: string
  readonly description?: string
  /** A request without a body counts as an empty object. */
  readonly body?: Body
  readonly query?: Query
  /** By the name that callers write. */
  readonly headers?: Headers
  readonly replies: Readonly<Partial<Record<Answer['status'], Reply>>>
  /** Problems besides those that the declaration itself brings. */
  readonly problems?: readonly ProblemCode[]
}

/** A declared operation and what fulfils it. */
export interface Endpoint<
  Path extends string = string,
  Body extends z.ZodType = z.ZodType,
  Query extends z.ZodObject = z.ZodObject,
  Headers extends z.ZodObject = z.ZodObject,
> extends Declaration<Path, Body, Query, Headers> {
  handle(
    call: Call<Path, z.output<Body>, z.output<Query>, z.output<Headers>>,
  ): Outcome | Promise<Outcome>
}

/** Infers what a handler is called with from its own declaration. */
export function endpoint<
  const Path extends string,
  Body extends z.ZodType,
  Query extends z.ZodObject,
  Headers extends z.ZodObject,
>(declaration: Endpoint<Path, Body, Query, Headers>): Endpoint {
  // the router calls a handler only with what the schemas beside it made
  return declaration as unknown as Endpoint
}
