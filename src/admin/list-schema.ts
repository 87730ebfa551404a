import { z } from 'zod'
import { ANONYMIZERS } from '../base/network-facts.ts'
import { digits, epochSeconds, named } from './named-schemas.ts'

export const lists = named(
  'Lists',
  z.object({
    lists: z.array(
      z.object({
        name: z.string(),
        format: z.string().nullable(),
        anonymizer: z
          .enum(ANONYMIZERS)
          .nullable()
          .meta({ description: 'What kind of networks it holds.' }),
        source: z.enum(['file', 'url', 'api']),
        entries: z.int().meta({ description: 'Those that its source gave.' }),
        added: z.int().meta({ description: 'Those that were added here.' }),
        refreshed_at: epochSeconds.nullable(),
        error: z.string().nullable().meta({ description: 'Why the last refresh failed.' }),
        has_data: z.boolean().meta({
          description:
            'false: nothing is known of its source, and policies take everyone as listed.',
        }),
      }),
    ),
  }),
)

/** Over three thousand years, and a sum with the time that stays a safe integer. */
const LONGEST_SECONDS = 10 ** 11

export const entryRequest = named(
  'ListEntryRequest',
  z
    .strictObject({
      expires_in: z
        .int()
        .min(1)
        .max(LONGEST_SECONDS)
        .optional()
        .meta({ description: 'Seconds from now on.' }),
      expires_at: epochSeconds
        .optional()
        .meta({ description: 'Epoch seconds, instead of expires_in. Without both it stays.' }),
      note: z.string().max(500).optional().meta({ description: 'Why, for people.' }),
    })
    .refine((body) => body.expires_in === undefined || body.expires_at === undefined, {
      path: ['expires_at'],
      error: 'not together with expires_in',
    }),
)

export const entry = named(
  'ListEntry',
  z.object({
    list: z.string(),
    cidr: z.string().meta({ description: 'An address or a CIDR without host bits.' }),
    note: z.string().nullable(),
    added_at: epochSeconds,
    added_by: z.string().meta({ description: 'The id of the token.' }),
    expires_at: epochSeconds.nullable().meta({ description: 'null: it stays.' }),
  }),
)

const cursor = z.int().min(1).meta({ description: 'What the page before gave as `next`.' })

export const entryQuery = z.strictObject({
  after: digits(cursor).optional(),
  limit: digits(z.int().min(1).max(1000)).default(100),
})

export const entries = named(
  'ListEntries',
  z.object({
    entries: z.array(entry),
    next: z.int().nullable().meta({ description: 'What `after` is for the next page.' }),
  }),
)
