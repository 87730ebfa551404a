import { z } from 'zod'
import { CONSTRAINTS, type ConstraintName } from '../link/constraints.ts'
import { epochSeconds, named } from './named-schemas.ts'

/** As many links as one request may ask for. */
const MAX_LINKS = 1000
const MAX_PATH = 8192

function expected(name: ConstraintName): { readonly error: string } {
  return { error: `expected ${CONSTRAINTS[name].expects}` }
}

const address = z.union(
  [z.int(expected('ip')).min(-0x80000000).max(0xffffffff), z.string(expected('ip'))],
  expected('ip'),
)

const networks = z.union([z.string(), z.array(z.string()).min(1)])
const action = z.enum(['allow', 'block'])

const accessRule = named(
  'AccessRule',
  z
    .discriminatedUnion(
      'type',
      [
        z.strictObject({ type: z.literal('any'), action }),
        z.strictObject({ type: z.literal('ip.src'), action, ip: networks }),
        z.strictObject({ type: z.literal('ip.geoip.country'), action, country: networks }),
      ],
      { error: 'expected a rule of the type any, ip.src or ip.geoip.country' },
    )
    .meta({
      description: "One of Cloudflare Stream's accessRules; the first that matches decides.",
    }),
)

const ip = z
  .union([
    z.int(expected('ip')).min(-0x80000000).max(0xffffffff),
    z.string(expected('ip')),
    z.array(address, expected('ip')).min(1).max(64),
  ])
  .meta({
    description:
      'IPv4 as 32-bit integer (192.168.2.1 = 3232236033), an address, a CIDR, or several.',
  })

/** What a link shall say. The form is checked here, the sense where links are minted. */
const linkRequest = named(
  'LinkRequest',
  z.strictObject({
    path: z
      .string()
      .min(1)
      .max(MAX_PATH)
      .meta({
        description:
          'As in the URL, percent-encoded; for formats that sign prefixes also one ending in /*.',
        examples: ['/files/a.mp4'],
      }),
    scheme: z
      .string()
      .optional()
      .meta({
        description: "Default: the route's first native one, else its first.",
        examples: ['sluice-hmac', 'sluice-jwt'],
      }),
    expires_in: z
      .int({ error: 'expected whole seconds' })
      .min(1)
      .optional()
      .meta({ description: "Seconds from now. Default: the policy's." }),
    expires_at: z
      .int({ error: 'expected epoch seconds' })
      .min(0)
      .optional()
      .meta({ description: 'Epoch seconds, instead of expires_in.' }),
    nbf: z
      .int(expected('nbf'))
      .min(0)
      .optional()
      .meta({ description: 'Not before: epoch seconds.' }),
    jti: z
      .string(expected('jti'))
      .regex(/^[\x21-\x7e]{1,128}$/, expected('jti'))
      .optional()
      .meta({ description: 'The id of the link. Default: a random one.' }),
    ip: ip.optional(),
    max_parallel_downloads: z.int(expected('max_parallel_downloads')).min(1).optional(),
    anti_fraud: z.boolean(expected('anti_fraud')).optional(),
    streaming: z
      .boolean(expected('streaming'))
      .optional()
      .meta({ description: 'true: shown inline instead of saved.' }),
    filename: z.string(expected('filename')).min(1).max(255).optional(),
    autograph_tag: z.string(expected('autograph_tag')).min(1).max(64).optional(),
    multi_use: z
      .boolean(expected('multi_use'))
      .optional()
      .meta({ description: 'false: one complete download. Default: true.' }),
    rate: z.int(expected('rate')).min(1).optional().meta({ description: 'Bytes a second.' }),
    accessRules: z.array(accessRule, expected('accessRules')).min(1).max(5).optional(),
    subject: z
      .string(expected('subject'))
      .min(1)
      .max(255)
      .optional()
      .meta({ description: 'Who the link is made for.' }),
  }),
)

export const linkRequests = named(
  'LinkRequests',
  z.union([linkRequest, z.array(linkRequest).min(1).max(MAX_LINKS)]),
)

const mintedLink = named(
  'MintedLink',
  z.object({
    url: z.string(),
    id: z.string().meta({ description: 'How records and revocations name the link.' }),
    scheme: z.string(),
    kid: z.string(),
    expires_at: epochSeconds,
    cookies: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'What the client sends as cookies, for formats that need them.' }),
    headers: z
      .record(z.string(), z.string())
      .optional()
      .meta({ description: 'What the client sends as headers, for formats that need them.' }),
  }),
)

export const mintedLinks = named('MintedLinks', z.union([mintedLink, z.array(mintedLink)]))
