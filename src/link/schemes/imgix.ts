import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { unlimitedOption } from './digest-format.ts'
import { inParameters } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'imgix'

/** Secured imgix URLs: `?…&expires=E&s=hex(MD5(token, path, ?query))`, `s` the last parameter. */
export const imgix = defineScheme({
  name: NAME,
  algorithms: ['MD5'],
  options: z.strictObject({ allowUnlimited: unlimitedOption }),
  marks: () => ['query s+expires'],
  create: ({ allowUnlimited }, { isIgnored }) =>
    new KeyedDigest({
      name: NAME,
      places: [
        inParameters({
          signature: 's',
          time: 'expires',
          isTimeOptional: true,
          signs: 'all',
          isLast: true,
          isIgnored,
        }),
      ],
      digest: 'md5',
      isHmac: false,
      encoding: 'hex',
      bytes: 16,
      time: DECIMAL,
      allowUnlimited,
      inputs: [({ secret, path, query }) => `${secret}${path}${query && `?${query}`}`],
    }),
})
