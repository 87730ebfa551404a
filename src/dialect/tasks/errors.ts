import { z } from 'zod'
import type { ApiProblem, ApiText } from '../../http/api.ts'
import { jsonText } from '../json-text.ts'

export const detailSchema = z.object({ detail: z.string().describe('What is wrong, for people.') })

/** One fault of a body or a query, in the words of FastAPI. */
export interface Fault {
  readonly type: string
  /** `body` or `query`, and the name in it. */
  readonly loc: readonly (string | number)[]
  readonly msg: string
}

export const faultsSchema = z.object({
  detail: z.array(
    z.object({
      type: z.string().describe('The kind of the fault: `missing`, `extra_forbidden` and others.'),
      loc: z.array(z.union([z.string(), z.number()])).describe('Where it is.'),
      msg: z.string().describe('What is wrong, for people.'),
    }),
  ),
})

/** Unknown and unfinished look alike. */
export const NOT_AVAILABLE = detail(
  404,
  'task_not_available',
  'Descarga no disponible o no completada',
)

/** The task is completed, its file is no longer there. */
export const FILE_GONE = detail(404, 'task_file_gone', 'Archivo físico no encontrado')

export const NOT_FOUND = detail(404, 'task_not_found', 'Descarga no encontrada')

export const TOKEN_MISSING = detail(401, 'token_missing', 'Not authenticated', [
  'WWW-Authenticate',
  'Bearer realm="sluice"',
])

export const TOKEN_INVALID = detail(401, 'token_invalid', 'Invalid token', [
  'WWW-Authenticate',
  'Bearer realm="sluice", error="invalid_token"',
])

export const SCOPE_MISSING = detail(403, 'scope_missing', 'The token is not for this API')

export const BODY_TOO_LARGE = detail(413, 'body_too_large', 'The body is too large')

export function urlRefused(why: string): ApiText {
  return detail(400, 'url_refused', why)
}

export function faulty(...faults: readonly Fault[]): ApiText {
  return jsonText(422, { detail: faults }, { reason: 'input_invalid' })
}

/** What the gateway has to say. */
export function problemText({ status, code, title }: ApiProblem): ApiText {
  return detail(status, code, status === 405 ? 'Method Not Allowed' : title)
}

function detail(
  status: number,
  reason: string,
  text: string,
  headers: readonly string[] = [],
): ApiText {
  return jsonText(status, { detail: text }, { reason, headers })
}
