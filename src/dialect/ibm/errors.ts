import { z } from 'zod'
import type { ApiProblem, ApiText } from '../../http/api.ts'
import { jsonText } from '../json-text.ts'

export const errorSchema = z.object({
  error: z.string().describe('Stable, for programs.'),
  error_description: z.string().optional().describe('For people.'),
})

export const NOT_FOUND = errorText(404, 'not_found', 'Video was not found')

/** The token is missing, malformed or unknown, or not for this API: one answer for all of them. */
export const INVALID_TOKEN = errorText(
  401,
  'invalid_token',
  'The access token is missing or not valid',
  ['WWW-Authenticate', 'Bearer realm="sluice"'],
)

/** What the gateway has to say, by the error values of this API where it has one. */
export function problemText({ status, code, title }: ApiProblem): ApiText {
  switch (status) {
    case 401:
      return INVALID_TOKEN
    case 404:
      return NOT_FOUND
    case 429:
      return errorText(status, 'too_many_requests', title)
    case 503:
      return errorText(status, 'service_unavailable', title)
    default:
      return errorText(status, code, title)
  }
}

function errorText(
  status: number,
  error: string,
  description: string,
  headers: readonly string[] = [],
): ApiText {
  return jsonText(status, { error, error_description: description }, { reason: error, headers })
}
