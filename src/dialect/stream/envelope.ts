import { z } from 'zod'
import type { ApiText } from '../../http/api.ts'
import type { DialectReply } from '../dialect.ts'
import { jsonText } from '../json-text.ts'

/** Codes of Cloudflare's own errors; where it publishes none, 10000 and the status. */
const CODES: Readonly<Record<number, number>> = {
  400: 10005,
  401: 10000,
  403: 10000,
  404: 10003,
}

const message = z.object({ code: z.int(), message: z.string() })

const failureSchema = z.object({
  result: z.null(),
  success: z.literal(false),
  errors: z.array(message).min(1),
  messages: z.array(message),
})

/** The envelope around a result. */
export function success(result: unknown, kid: string): ApiText {
  return jsonText(200, { result, success: true, errors: [], messages: [] }, { kid })
}

/** The envelope around an error. */
export function failure(
  status: number,
  text: string,
  more: Pick<ApiText, 'headers' | 'kid'> = {},
): ApiText {
  const code = CODES[status] ?? 10_000 + status
  const body = { result: null, success: false, errors: [{ code, message: text }], messages: [] }
  return jsonText(status, body, { ...more, reason: String(code) })
}

export function successReply(description: string, result: z.ZodType): DialectReply {
  const schema = z.object({
    result,
    success: z.literal(true),
    errors: z.array(message),
    messages: z.array(message),
  })
  return { description, schema }
}

export function failureReply(description: string): DialectReply {
  return { description, schema: failureSchema }
}
