import { z } from 'zod'
import { schemeDefinition } from '../link/schemes/registry.ts'
import { choice, httpUrl, timerSeconds } from './fields.ts'
import { ALGORITHM_NAMES, ALGORITHMS } from './key-schema.ts'
import { SCHEME_NAMES } from './scheme-names.ts'

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/** Whoever could change the answer on its way could sign links. */
const keySetUrl = httpUrl.refine(
  (value) =>
    !/^http:/i.test(value) || !URL.canParse(value) || LOOPBACK.test(new URL(value).hostname),
  { error: 'needs https; http is for this machine alone' },
)

const publicKeyScheme = choice(SCHEME_NAMES).refine(verifiesWithPublicKeys, {
  error: ({ input }) => `${String(input)} knows secrets alone, and no JWK Set publishes those`,
})

/** JWK Sets that others publish. */
export const jwksSchema = z
  .array(
    z.strictObject({
      url: keySetUrl.describe('Where the JWK Set is published: https, or http of this machine.'),
      schemes: z
        .array(publicKeyScheme)
        .min(1, { error: 'names no scheme' })
        .describe('Link formats whose links its keys may verify.'),
      refreshSeconds: timerSeconds.default(300).describe('Seconds between two fetches.'),
    }),
  )
  .superRefine((sets, context) => {
    for (const [i, { url }] of sets.entries()) {
      const first = sets.findIndex((set) => set.url === url)
      if (first === i) continue
      const message = `is the URL of keys.jwks[${first}] as well; name all schemes there`
      context.addIssue({ code: 'custom', path: [i, 'url'], message })
    }
  })
  .default([])
  .describe('JWK Sets that others publish; their keys verify links.')

function verifiesWithPublicKeys(scheme: string): boolean {
  const usable: readonly string[] = schemeDefinition(scheme)?.algorithms ?? []
  return ALGORITHM_NAMES.some((name) => ALGORITHMS[name].kty !== 'oct' && usable.includes(name))
}
