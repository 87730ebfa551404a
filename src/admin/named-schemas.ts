import { z } from 'zod'

/** The schemas that the OpenAPI document lists by name. */
export const namedSchemas = z.registry<{ id: string }>()

/** Gives a schema its name in the document. */
export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  namedSchemas.add(schema, { id })
  return schema
}

export const epochSeconds = z.int().min(0).meta({ description: 'Epoch seconds.' })

/** A number in a query, written in decimal digits. */
export function digits(number: z.ZodInt) {
  return z.preprocess((value) => {
    return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  }, number)
}

export const problemSchema = named(
  'Problem',
  z
    .object({
      type: z.literal('about:blank'),
      title: z.string(),
      status: z.int(),
      code: z.string().meta({ description: 'Stable; what programs look at.' }),
      detail: z.string().optional(),
      errors: z
        .array(z.object({ field: z.string(), message: z.string() }))
        .optional()
        .meta({ description: 'With invalid_request: each member that is wrong.' }),
      request_id: z.string(),
    })
    .meta({ description: 'RFC 9457.' }),
)
