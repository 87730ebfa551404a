/**
 * The errors of the API. The first four are the published ones, word for word; the others are ours in
 * the same form: `0x0230…` is about files, `0x0000…` about any call.
 */
export const ERRORS = {
  invalid_input: { status: 400, code: '0x0230001', message: 'Invalid Input' },
  invalid_token: { status: 403, code: '0x0000003', message: 'Invalid access token' },
  file_missing: { status: 404, code: '0x0230002', message: 'Requested file does not exist' },
  internal: { status: 500, code: '0x0000001', message: 'Internal Error' },
  untaggable: { status: 400, code: '0x0230003', message: 'Tag refused' },
  method: { status: 405, code: '0x0000010', message: 'Method not allowed' },
  limited: { status: 429, code: '0x0000011', message: 'Too many requests' },
  unavailable: { status: 503, code: '0x0000012', message: 'Service unavailable' },
} as const satisfies Record<string, ApiError>

export interface ApiError {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** The error of the API that stands for a status of the gateway. */
export function errorOfStatus(status: number): ApiError {
  const known = Object.values(ERRORS).find((error) => error.status === status)
  return known ?? (status < 500 ? ERRORS.invalid_input : ERRORS.internal)
}
