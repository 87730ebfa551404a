import { z } from 'zod'
import type { Dialect, DialectReply } from '../dialect.ts'
import type { DialectServices } from '../services.ts'
import { answerDownload } from './downloads.ts'
import { ERRORS, errorOfStatus } from './errors.ts'
import { parametersSchema } from './parameters.ts'
import { errorText, shapeOf } from './shape.ts'

const urlSchema = z.object({
  url: z
    .union([z.string(), z.array(z.string())])
    .describe('The URL of a file; those of all files of an archive.'),
})

const errorSchema = z.object({
  error: z.object({
    error_code: z.enum(Object.values(ERRORS).map(({ code }) => code)),
    error_message: z.string(),
  }),
})

function errorReply(status: number): DialectReply {
  const { code, message } = errorOfStatus(status)
  return { description: `${code}: ${message}`, schema: errorSchema }
}

/** Xvid MediaHub: one call that turns a file into a link with conditions. */
export function xvidDialect(services: DialectServices): Dialect {
  return {
    name: 'xvid',
    title: 'Xvid MediaHub',
    endpoints: [
      {
        method: 'GET',
        path: '/v1/files/downloads',
        summary: 'Gives a URL that downloads a file',
        description:
          'Names the file by `file_id`, or by `object_key` and `pipeline_id`. Answers in JSON or XML.',
        credentials: ['bearer', 'hmac'],
        query: parametersSchema,
        replies: {
          200: { description: 'The URL.', schema: urlSchema },
          302: { description: 'The URL as Location, too.', schema: urlSchema },
          400: {
            ...errorReply(400),
            description: `${errorReply(400).description}; ${ERRORS.untaggable.code}: the type of the file carries no tag`,
          },
          403: errorReply(403),
          404: errorReply(404),
          405: errorReply(405),
          429: errorReply(429),
          500: errorReply(500),
          503: errorReply(503),
        },
        handle: ({ context }) => answerDownload(context, services),
      },
    ],
    problem: (context, { status }) =>
      errorText({ ...errorOfStatus(status), status }, shapeOf(context)),
  }
}
