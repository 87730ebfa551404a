import { z } from 'zod'

const seconds = z.union([z.int().min(0), z.string().regex(/^(?:0|[1-9]\d{0,14})$/)])

const textOrTexts = z.union([z.string(), z.array(z.string())])

const accessRule = z.strictObject({
  type: z.enum(['any', 'ip.src', 'ip.geoip.country']),
  action: z.enum(['allow', 'block']),
  ip: textOrTexts.optional().describe('Of `ip.src`: addresses and CIDRs, IPv4 and IPv6.'),
  country: textOrTexts.optional().describe('Of `ip.geoip.country`: ISO 3166-1 alpha-2.'),
})

/** The body of the call that makes a token. */
export const tokenRequestSchema = z
  .strictObject({
    exp: seconds.describe('Epoch seconds, at most 24 hours ahead. Default: in an hour.'),
    nbf: seconds.describe('Epoch seconds. Default: an hour ago.'),
    downloadable: z.boolean().describe('Lets the token download. Default: false.'),
    accessRules: z
      .array(accessRule)
      .max(5)
      .describe('In order; the first that matches decides, and none that matches allows.'),
    id: z.string().describe('A key of this API, with `pem`. Default: the newest key here.'),
    pem: z.string().describe('The private half of that key: PEM, or base64 of it.'),
  })
  .partial()

export type TokenRequest = z.output<typeof tokenRequestSchema>

export const tokenSchema = z.object({
  token: z.string().describe('A JWT, signed with RS256; `kid` stands in header and payload.'),
})
