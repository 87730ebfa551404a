import { z } from 'zod'

export const PLACES = ['query', 'cookie', 'header'] as const

const delimiter = z
  .string()
  .regex(/^[!-~]$/)
  .regex(/[^A-Za-z0-9&=/\\:%]/, {
    error: 'expected one printable character that is no letter, digit, & = / \\ : or %',
  })

/** How the tokens of a route are written: the settings of Auth Token 2.0 Verification. */
export const options = z.strictObject({
  tokenName: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'expected letters, digits, _ and -' })
    .default('__token__')
    .describe('Name of the parameter, cookie or header: `hdnts`, `__cld_token__` …'),
  location: z
    .enum(['any', ...PLACES])
    .default('any')
    .describe('Where the token may stand. New links carry it there, or in the query for `any`.'),
  algorithm: z.enum(['sha256', 'sha1', 'md5']).default('sha256').describe('Digest of the HMAC.'),
  escapeEarly: z
    .boolean()
    .default(false)
    .describe('Whether signers percent-escape ip, id, data and url before they hash them.'),
  aclEscaped: z
    .boolean()
    .default(false)
    .describe('Whether signers percent-escape acl as well, as Cloudinary does.'),
  ignoreQuery: z
    .boolean()
    .default(true)
    .describe('Whether the query is left out of what a token speaks of.'),
  fieldDelimiter: delimiter.default('~').describe('What stands between the fields of a token.'),
  aclDelimiter: delimiter.default('!').describe('What stands between the entries of acl.'),
  salt: z
    .string()
    .min(1)
    .optional()
    .describe('A text that signers hash with every token but never send.'),
})

export type EdgeAuthOptions = z.output<typeof options>
