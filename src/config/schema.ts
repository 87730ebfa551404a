import { z } from 'zod'
import { apisSchema } from './apis-schema.ts'
import { givenName, text, timerSeconds } from './fields.ts'
import { jwksSchema } from './jwks-schema.ts'
import { listSchema } from './list-schema.ts'
import { offloadSchema } from './offload-schema.ts'
import { originSchema } from './origin-schema.ts'
import { routeSchema } from './route-schema.ts'
import { adminSchema, recordsSchema, serverSchema } from './server-schema.ts'
import { stateSchema } from './state-schema.ts'

/** The shape of `gateway.yaml` with every default. Relative paths are relative to the file. */
export const gatewaySchema = z
  .strictObject({
    $schema: z.string().optional().describe('The JSON Schema, for editors.'),
    server: serverSchema,
    admin: adminSchema,
    state: stateSchema,
    keys: z
      .strictObject({
        directory: text.default('../keys').describe('Directory with one JWK or JWK Set a file.'),
        jwks: jwksSchema,
      })
      .prefault({})
      .describe('Keys that sign and verify links.'),
    geo: z
      .strictObject({
        country: text
          .optional()
          .describe('File with countries by network (mmdb). Default: the packaged data.'),
        asn: text.optional().describe('File with AS numbers by network (mmdb).'),
        anonymous: text
          .optional()
          .describe('File with anonymizers by network (mmdb, as MaxMind Anonymous IP).'),
        refreshSeconds: timerSeconds
          .default(3600)
          .describe('Seconds between two looks at the files; one that changed is read.'),
      })
      .prefault({})
      .describe('What is known of the networks of clients.'),
    lists: z
      .record(givenName, listSchema)
      .default({})
      .describe('Lists of networks that policies name.'),
    origins: z
      .record(givenName, originSchema)
      .default({})
      .describe('Where the objects lie, by name.'),
    routes: z
      .array(routeSchema)
      .default([])
      .describe('Which paths are served, from where, with which links.'),
    apis: apisSchema,
    offload: offloadSchema,
    policies: text.default('policies/').describe('Directory with one policy a file.'),
    records: recordsSchema,
  })
  .describe('Sluice gateway configuration')

export type GatewayConfig = z.output<typeof gatewaySchema>
export type OriginConfig = GatewayConfig['origins'][string]
