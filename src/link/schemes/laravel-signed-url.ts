import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { unlimitedOption } from './digest-format.ts'
import { inParameters } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'laravel-signed-url'

/**
 * Laravel's signed routes: `?expires=E&signature=hex(HMAC-SHA256(URL))`. The key is the text of
 * `app.key`, with its `base64:`.
 */
export const laravelSignedUrl = defineScheme({
  name: NAME,
  algorithms: ['HS256'],
  options: z.strictObject({
    absolute: z
      .boolean()
      .default(true)
      .describe('Whether scheme and host are signed. false: as `signedRoute(…, absolute: false)`.'),
    allowUnlimited: unlimitedOption,
  }),
  marks: () => ['query signature+expires'],
  create: ({ absolute, allowUnlimited }, { isIgnored }) =>
    new KeyedDigest({
      name: NAME,
      places: [
        inParameters({
          signature: 'signature',
          time: 'expires',
          isTimeOptional: true,
          signs: 'all',
          isIgnored,
        }),
      ],
      digest: 'sha256',
      isHmac: true,
      encoding: 'hex',
      bytes: 32,
      time: { ...DECIMAL, isInclusive: true },
      allowUnlimited,
      bindsSite: absolute,
      inputs: [({ site, path, query }) => `${absolute ? site : ''}${path}${query && `?${query}`}`],
    }),
})
