import { z } from 'zod'
import { ASSET_ID, STATUSES } from '../catalogue/catalogue.ts'
import { FORMAT_NAMES } from '../catalogue/format.ts'
import { choice } from '../config/fields.ts'
import { CONSTRAINTS } from '../link/constraints.ts'
import { epochSeconds, named } from './named-schemas.ts'

const MAX_MEMBERS = 1000
const MAX_OBJECT = 4096

const expectedId = { error: 'expected 1 to 64 of the characters A-Z a-z 0-9 _ -' }

/** The id of an asset, where a caller may choose one. */
export const assetId = z.string(expectedId).regex(ASSET_ID, expectedId)

const filename = z
  .string({ error: `expected ${CONSTRAINTS.filename.expects}` })
  .refine((text) => CONSTRAINTS.filename.fromJson(text) !== undefined, {
    error: `expected ${CONSTRAINTS.filename.expects}`,
  })
  .meta({ description: 'What a download is saved as.', examples: ['episode 1.mp4'] })

const object = z
  .string()
  .min(1)
  .max(MAX_OBJECT)
  .meta({
    description: 'The name at the origin: decoded, no slash in front.',
    examples: ['shows/episode 1.mp4'],
  })

/** An object with one member for each format, so that another format is refused by its name. */
function byFormat<Schema extends z.ZodType>(schema: Schema) {
  const shape = Object.fromEntries(FORMAT_NAMES.map((name) => [name, schema]))
  return z.strictObject(shape as Record<(typeof FORMAT_NAMES)[number], Schema>)
}

/** What an asset is to be. Whether the things that it names exist is checked where it is put. */
export const assetRequest = named(
  'AssetRequest',
  z
    .strictObject({
      filename,
      origin: z.string().optional().meta({ description: 'The name of a configured origin.' }),
      object: object.optional(),
      pipeline_id: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .meta({ description: 'The object is found by its name and this, too.' }),
      require_signed: z
        .boolean()
        .default(false)
        .meta({ description: "Cloudflare's requireSignedURLs: downloads need a token." }),
      status: choice(STATUSES)
        .default('ready')
        .meta({ description: 'With ready, the object has to exist.' }),
      renditions: byFormat(z.strictObject({ object }).optional())
        .default({})
        .meta({ description: 'Other formats that lie at the same origin already.' }),
      members: z
        .array(assetId)
        .min(1)
        .max(MAX_MEMBERS)
        .optional()
        .meta({ description: 'An archive: the ids of the assets in it.' }),
    })
    .meta({ description: 'A file with origin and object, or an archive with members.' }),
)

const rendition = named(
  'Rendition',
  z.object({
    status: z.enum(STATUSES),
    percent: z.number().meta({ description: '0 to 100; 100 only when ready.' }),
    object: z.string(),
    size: z.int().nullable().meta({ description: 'Bytes of one that was made and is ready.' }),
    expires_at: epochSeconds.nullable().meta({ description: 'Null: not foreseen.' }),
    error: z.string().optional().meta({ description: 'Why it failed.' }),
  }),
)

export const asset = named(
  'Asset',
  z.object({
    id: assetId,
    filename: z.string(),
    origin: z.string().nullable().meta({ description: 'Null for an archive.' }),
    object: z.string().nullable().meta({ description: 'Null for an archive.' }),
    pipeline_id: z.string().nullable(),
    require_signed: z.boolean(),
    status: z.enum(STATUSES),
    created_at: epochSeconds,
    renditions: byFormat(rendition.optional()),
    members: z.array(assetId).optional(),
  }),
)

export const assets = named(
  'Assets',
  z.object({
    assets: z.array(asset),
    next: assetId.nullable().meta({ description: 'What `after` is for the next page.' }),
  }),
)
