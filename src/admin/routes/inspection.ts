import { z } from 'zod'
import { parseAddress } from '../../base/address.ts'
import { ANONYMIZERS } from '../../base/network-facts.ts'
import { inspectLink } from '../../operator/inspect-link.ts'
import { endpoint } from '../endpoint.ts'
import { epochSeconds, named } from '../named-schemas.ts'

const MAX_URL = 16_384

const inspectRequest = named(
  'InspectRequest',
  z.strictObject({
    url: z.string().min(1).max(MAX_URL).meta({ description: 'A URL, or path and query.' }),
    as: z
      .strictObject({
        ip: z
          .string()
          .refine((text) => parseAddress(text) !== undefined, { error: 'expected an IP address' })
          .optional(),
        time: epochSeconds.optional(),
        method: z
          .string()
          .regex(/^[A-Z]{1,20}$/, { error: 'expected a method such as GET' })
          .optional(),
        headers: z.record(z.string(), z.string()).optional(),
      })
      .optional()
      .meta({ description: 'Who asks, when and how. Default: an unknown client, now, GET.' }),
  }),
)

const inspection = named(
  'Inspection',
  z.object({
    decision: z.enum(['permit', 'deny', 'unusable']),
    code: z.string().nullable().meta({ description: 'What the client would be told.' }),
    reason: z.string().nullable().meta({ description: 'What the record would say.' }),
    detail: z.string().nullable(),
    route: z.string().nullable(),
    policy: z.string().nullable(),
    link: z
      .object({
        scheme: z.string(),
        carrier: z.enum(['query', 'path', 'cookie', 'header']),
        canonical: z.string().nullable().meta({ description: 'The exact text that is signed.' }),
      })
      .nullable(),
    proves: z.record(z.string(), z.unknown()).nullable(),
    network: z
      .object({
        country: z.string().nullable(),
        asn: z.int().nullable(),
        anonymizers: z.array(z.enum(ANONYMIZERS)),
      })
      .nullable()
      .meta({ description: 'What the data about networks says of `as.ip`.' }),
    trace: z.array(
      z.object({
        rule: z.string(),
        outcome: z.enum(['pass', 'refuse', 'observe', 'slow']),
        reason: z.string().optional(),
        detail: z.string().optional(),
      }),
    ),
    hints: z.array(z.string()).meta({ description: 'Guesses at why a signature does not hold.' }),
  }),
)

export const inspectEndpoint = endpoint({
  method: 'POST',
  path: '/v1/links/inspect',
  access: ['read'],
  summary: 'Say what a link proves and, rule by rule, why it would be let in or refused',
  description: 'Nothing is spent. Limits on what runs at the moment are left out.',
  body: inspectRequest,
  replies: { 200: { description: 'What the gateway would decide', schema: inspection } },
  handle: async ({ services, body }) => ({
    status: 200,
    body: await inspectLink(services.desk(), services.recall, {
      url: body.url,
      ...(body.as && { as: body.as }),
    }),
  }),
})
