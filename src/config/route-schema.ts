import { z } from 'zod'
import { choice, givenName } from './fields.ts'
import { schemeDefinition, SCHEMES } from '../link/schemes/registry.ts'
import { SCHEME_NAMES } from './scheme-names.ts'

/** A link format that a route accepts, with its options, defaults filled in. */
export interface SchemeEntry {
  readonly name: string
  readonly [option: string]: unknown
}

const schemeName = choice(SCHEME_NAMES, {
  'sluice-tag': 'sluice-tag is for keys; no link has this format',
})

const [first, ...others] = SCHEMES.map(({ name, options }) =>
  options.extend({ name: z.literal(name).describe('Name of the link format.') }),
)
if (!first) throw new Error('there are no schemes')

const schemeWithOptions = z.discriminatedUnion('name', [first, ...others], {
  error: (issue) => {
    const { name } = (issue.input ?? {}) as { readonly name?: unknown }
    const result = schemeName.safeParse(name)
    return result.success ? undefined : result.error.issues[0]?.message
  },
})

export const schemeEntry = z
  .union([schemeName, schemeWithOptions])
  .transform((entry): SchemeEntry => {
    if (typeof entry !== 'string') return entry as SchemeEntry
    return { name: entry, ...schemeDefinition(entry)?.options.parse({}) }
  })

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
