import { z } from 'zod'
import { CONSTRAINTS } from '../../link/constraints.ts'
import { readQuery, unknownParameter } from '../query.ts'

const boolean = z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' })

const integer = (pattern: RegExp, bounds: z.ZodInt) =>
  z.string().regex(pattern).transform(Number).pipe(bounds)

const digits = /^(?:0|[1-9]\d{0,14})$/

/** What a caller may ask for. */
export const parametersSchema = z.object({
  file_id: z.string().min(1).optional().describe('The file or archive, by its id.'),
  object_key: z
    .string()
    .min(1)
    .optional()
    .describe('The file by its place on the store, relative to the pipeline.'),
  pipeline_id: z.string().min(1).optional().describe('The pipeline of `object_key`.'),
  format: z.enum(['json', 'xml']).optional().describe('Overrides the field Accept.'),
  human: boolean.optional().describe('Indents the answer.'),
  redirect: boolean.optional().describe('Answers 302 to the URL. Not for archives.'),
  expiry_time: integer(digits, z.int().min(1))
    .optional()
    .describe('When the URL ends, in epoch seconds. Default: 180 seconds from now.'),
  anti_fraud: boolean.optional().describe('Switches the rules against shared links on.'),
  max_parallel_downloads: integer(digits, z.int().min(1))
    .optional()
    .describe('Downloads by this URL at the same time, in all.'),
  streaming: boolean.optional().describe('The URL plays in the browser instead of saving a file.'),
  ip: integer(/^(?:0|-?[1-9]\d{0,9})$/, z.int().min(-0x80000000).max(0xffffffff))
    .optional()
    .describe('The only address that may use the URL, IPv4 as a 32-bit integer.'),
  autograph_tag: z
    .string()
    .max(64)
    .refine((text) => CONSTRAINTS.autograph_tag.fromText(text) !== undefined)
    .optional()
    .describe('A tag of at most 64 bytes that is written into the downloaded file.'),
  multi_use: boolean.optional().describe('false: the URL is good for one complete download.'),
  client_id: z.string().optional().describe('Whose secret signed the call.'),
})

const NAMES = Object.keys(parametersSchema.shape)

export type Parameters = z.output<typeof parametersSchema>

/** The parameters of a call; undefined when one is unknown, comes twice or has no valid value. */
export function readParameters(
  rawQuery: string | undefined,
  isIgnored: (name: string) => boolean,
): Parameters | undefined {
  const query = readQuery(rawQuery)
  if (!query || unknownParameter(query, NAMES, isIgnored) !== undefined) return undefined
  const { data } = parametersSchema.safeParse(Object.fromEntries(query))
  return data && namesOneFile(data) ? data : undefined
}

/** Either an id, or a key with its pipeline: two ways at once could mean two files. */
function namesOneFile({ file_id, object_key, pipeline_id }: Parameters): boolean {
  return file_id === undefined
    ? object_key !== undefined && pipeline_id !== undefined
    : object_key === undefined && pipeline_id === undefined
}
