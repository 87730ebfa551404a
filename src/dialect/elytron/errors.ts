import { z } from 'zod'
import type { Status } from '../../catalogue/catalogue.ts'
import type { ApiProblem, ApiText } from '../../http/api.ts'
import { jsonText } from '../json-text.ts'

export const errorSchema = z.object({
  error: z.object({
    code: z.string().describe('Stable, for programs.'),
    message: z.string().describe('For people.'),
  }),
})

export const VIDEO_NOT_FOUND = errorText(404, 'VIDEO_NOT_FOUND', 'Video not found')

/** The token is missing, malformed or unknown, or not for this API: one answer for all of them. */
export const UNAUTHORIZED = errorText(401, 'UNAUTHORIZED', 'Invalid API key', [
  'WWW-Authenticate',
  'Bearer realm="sluice"',
])

export const INVALID_FORMAT = errorText(
  400,
  'INVALID_FORMAT',
  'The format is not one of mp4, webm, mov',
)

export function invalidRequest(message: string): ApiText {
  return errorText(400, 'INVALID_REQUEST', message)
}

export function notReady(status: Exclude<Status, 'ready'>): ApiText {
  const message = `Video is not ready for download. Status: ${status}`
  return errorText(400, 'VIDEO_NOT_READY', message)
}

/** What the gateway has to say, by the codes of this API where it has one. */
export function problemText({ status, code, title }: ApiProblem): ApiText {
  switch (status) {
    case 401:
      return UNAUTHORIZED
    case 404:
      return VIDEO_NOT_FOUND
    case 503:
      return errorText(status, 'SERVICE_UNAVAILABLE', title)
    default:
      return errorText(status, code.toUpperCase(), title)
  }
}

function errorText(
  status: number,
  code: string,
  message: string,
  headers: readonly string[] = [],
): ApiText {
  return jsonText(status, { error: { code, message } }, { reason: code, headers })
}
