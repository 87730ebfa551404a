import { z } from 'zod'
import { parseStrictJson } from '../../base/strict-json.ts'
import { parseQuality } from '../../task/quality.ts'
import type { ApiText } from '../../http/api.ts'
import type { DialectCall } from '../dialect.ts'
import { BODY_TOO_LARGE, type Fault, faulty } from './errors.ts'

export const startBody = z.strictObject({
  url: z.string().describe('What to fetch: http or https, from an allowed host.'),
  quality: z
    .string()
    .refine((text) => parseQuality(text) !== undefined, {
      error: 'Input should be best, audio, or a height from 144p to 4320p',
    })
    .default('best')
    .describe(
      '`best` leaves the file as it is, `audio` takes its sound, `720p` bounds the picture.',
    ),
})

type StartBody = z.output<typeof startBody>

const JSON_TYPE = /^application\/json[\t ]*(?:;|$)/i

/** The body of a start, or what is wrong with it. */
export async function readStartBody(call: DialectCall): Promise<StartBody | ApiText> {
  // a form of a foreign page can send any body but not this type
  if (!JSON_TYPE.test(call.context.headers.contentType ?? '')) {
    return faulty({ type: 'value_error', loc: ['body'], msg: 'The body must be application/json' })
  }
  const bytes = await call.readBody()
  if (bytes === undefined) return BODY_TOO_LARGE
  const data = parseStrictJson(bytes.toString('utf8'))
  if (data === undefined) {
    return faulty({ type: 'json_invalid', loc: ['body'], msg: 'JSON decode error' })
  }
  const result = startBody.safeParse(data)
  return result.success ? result.data : faulty(...result.error.issues.flatMap(faultsOf(data)))
}

/** The faults of an issue in the words of Pydantic, which FastAPI passes on. */
function faultsOf(data: unknown): (issue: z.core.$ZodIssue) => Fault[] {
  return (issue) => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
    const loc = ['body', ...path]
    if (issue.code === 'unrecognized_keys') {
      const msg = 'Extra inputs are not permitted'
      return issue.keys.map((key) => ({ type: 'extra_forbidden', loc: [...loc, key], msg }))
    }
    if (issue.code !== 'invalid_type') return [{ type: 'value_error', loc, msg: issue.message }]
    if (path.length === 0) {
      return [{ type: 'dict_type', loc, msg: 'Input should be a valid dictionary' }]
    }
    return Object.hasOwn(data as object, String(path[0]))
      ? [{ type: 'string_type', loc, msg: 'Input should be a valid string' }]
      : [{ type: 'missing', loc, msg: 'Field required' }]
  }
}
