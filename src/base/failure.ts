/** Whose fault a failure is. */
export type FailureSource = 'client' | 'origin' | 'state' | 'internal'

/** Every failure with the status that answers it and the code that the client reads. */
export const FAILURES = {
  ERR_ORIGIN_UNREACHABLE: { status: 502, code: 'origin_unreachable', source: 'origin' },
  ERR_ORIGIN_RESPONSE: { status: 502, code: 'origin_response_invalid', source: 'origin' },
  ERR_ORIGIN_REDIRECT: { status: 502, code: 'origin_redirect_refused', source: 'origin' },
  ERR_ORIGIN_CHANGED: { status: 502, code: 'origin_object_changed', source: 'origin' },
  ERR_ORIGIN_READ: { status: 502, code: 'origin_read_failed', source: 'origin' },
  ERR_ORIGIN_WRITE: { status: 502, code: 'origin_write_failed', source: 'origin' },
  ERR_ORIGIN_TIMEOUT: { status: 504, code: 'origin_timeout', source: 'origin' },
  ERR_STATE_UNAVAILABLE: { status: 503, code: 'state_unavailable', source: 'state' },
  ERR_SHUTTING_DOWN: { status: 503, code: 'shutting_down', source: 'internal' },
  ERR_CLIENT_ABORTED: { status: 499, code: 'client_aborted', source: 'client' },
  ERR_INTERNAL: { status: 500, code: 'internal_error', source: 'internal' },
} as const satisfies Record<string, { status: number; code: string; source: FailureSource }>

export type FailureCode = keyof typeof FAILURES

/** Something broke: thrown, with a stable code and the cause; answered in one place. */
export class GatewayError extends Error {
  readonly code: FailureCode

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'GatewayError'
    this.code = code
  }

  get source(): FailureSource {
    return FAILURES[this.code].source
  }

  get status(): number {
    return FAILURES[this.code].status
  }
}

/** Any thrown thing as a `GatewayError`; what is unknown is internal. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR') {
    return new GatewayError('ERR_STATE_UNAVAILABLE', 'the state does not answer', { cause: error })
  }
  return new GatewayError('ERR_INTERNAL', 'unexpected failure', { cause: error })
}

/** The text of any thrown thing. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether a file system call failed because there is nothing at that path. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
