/** Every error of the admin API: what the outside sees of it. */
export const PROBLEMS = {
  malformed_body: { status: 400, title: 'The body cannot be read' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  unauthorized: { status: 401, title: 'An admin token is needed' },
  forbidden: { status: 403, title: 'The token is not for this' },
  not_found: { status: 404, title: 'There is nothing here' },
  list_not_found: { status: 404, title: 'There is no list of this name' },
  list_entry_not_found: { status: 404, title: 'The list has no such entry' },
  method_not_allowed: { status: 405, title: 'The method is not allowed' },
  key_conflict: { status: 409, title: 'The key files do not allow this change' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body has to be application/json' },
  invalid_request: { status: 422, title: 'The request is not valid' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key came with another request' },
  internal_error: { status: 500, title: 'The request failed' },
  origin_failed: { status: 502, title: 'The origin does not answer as it should' },
  not_built_yet: { status: 501, title: 'This is not built yet' },
  not_ready: { status: 503, title: 'The gateway is not ready' },
  state_unavailable: { status: 503, title: 'The state cannot be reached' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = keyof typeof PROBLEMS

/** What is wrong with one member of a request; `[3].path` is a member of the fourth item. */
export interface FieldError {
  readonly field: string
  readonly message: string
}

/** A request that is not fulfilled: a value, turned into a response in one place. */
export interface Problem {
  readonly code: ProblemCode
  /** For the caller: never holds a token, a key or what a failure said. */
  readonly detail?: string
  readonly errors?: readonly FieldError[]
  readonly headers?: Readonly<Record<string, string>>
}

export function problem(code: ProblemCode, rest: Omit<Problem, 'code'> = {}): Problem {
  return { code, ...rest }
}

export function invalid(errors: readonly FieldError[]): Problem {
  return problem('invalid_request', { errors })
}
