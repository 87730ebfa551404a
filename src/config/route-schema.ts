import { z } from 'zod'
import { choice, givenName, text } from './fields.ts'
import { LATER_SCHEME_NAMES, SCHEME_NAMES, type SchemeName } from './scheme-names.ts'

/** A link format that a route accepts, with its options. */
export interface SchemeEntry {
  readonly name: SchemeName
  /** sluice-jwt: the `iss` that a token must carry. */
  readonly issuer?: string | undefined
  /** sluice-jwt: the `aud` that a token must carry. */
  readonly audience?: string | undefined
}

const schemeName = choice(SCHEME_NAMES, LATER_SCHEME_NAMES, {
  'sluice-tag': 'sluice-tag is for keys; no link has this format',
  'cloudflare-stream':
    'cloudflare-stream is not built yet on a route; apis.stream takes its tokens',
})

const schemeWithOptions = z
  .strictObject({
    name: schemeName.describe('Name of the link format.'),
    issuer: text.optional().describe('sluice-jwt only: the iss claim that a token must carry.'),
    audience: text.optional().describe('sluice-jwt only: the aud claim that a token must carry.'),
  })
  .superRefine((entry, context) => {
    if (entry.name === 'sluice-jwt') return
    for (const option of ['issuer', 'audience'] as const) {
      if (entry[option] === undefined) continue
      context.addIssue({
        code: 'custom',
        path: [option],
        message: `is an option of sluice-jwt, not of ${entry.name}`,
      })
    }
  })

const schemeEntry = z
  .union([schemeName, schemeWithOptions])
  .transform((entry): SchemeEntry => (typeof entry === 'string' ? { name: entry } : entry))

export const routePath = z.string().superRefine((path, context) => {
  const wrong = whyNotRoutePath(path)
  if (wrong) context.addIssue({ code: 'custom', message: wrong })
})

/** A route's path is compared with canonical paths, so it has to be one itself. */
function whyNotRoutePath(path: string): string | undefined {
  if (!path.startsWith('/') || !path.endsWith('/')) return 'must begin and end with /'
  if (path.includes('%')) return 'must not hold encoded octets; write the characters themselves'
  if (/[\p{Cc}\\?#]/u.test(path)) return 'must not hold control characters, \\, ? or #'
  if (path.includes('//')) return 'must not hold an empty segment'
  if (/\/\.\.?(?:[/;])/.test(path)) return 'must not hold a . or .. segment'
  if (path.startsWith('/~')) return 'must not begin with /~, where path tokens stand'
  return undefined
}

export const routeSchema = z
  .strictObject({
    path: routePath.describe(
      'Prefix of the URL path; it is taken off to name the object. Begins and ends with /.',
    ),
    origin: givenName.describe('Name of the origin that holds the objects.'),
    schemes: z
      .array(schemeEntry)
      .min(1, { error: 'a route needs at least one scheme' })
      .describe('Link formats that are accepted; all others are as if absent.'),
    policy: givenName.default('default').describe('Name of the policy file, without .yaml.'),
  })
  .describe('A path under which objects are served. The longest matching path wins.')
