import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { parameterName } from './digest-format.ts'
import { inOneParameter } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'fastly-token'
const SHAPE = /^(?<time>\d+)_(?<signature>[0-9A-Za-z]*)$/
const DIGESTS = {
  'hmac-sha1': { digest: 'sha1', bytes: 20 },
  'hmac-sha256': { digest: 'sha256', bytes: 32 },
} as const

/** Fastly's recipe for tokens: `?token=E_hex(HMAC(path or URL, expiry))`. */
export const fastlyToken = defineScheme({
  name: NAME,
  algorithms: ['HS1', 'HS256'],
  options: z.strictObject({
    param: parameterName.default('token').describe('The parameter of the token.'),
    algorithm: z.enum(['hmac-sha1', 'hmac-sha256']).default('hmac-sha1').describe('The digest.'),
    sign: z
      .enum(['path', 'url-without-token'])
      .default('path')
      .describe('What is signed: the path alone, or path and query without the token.'),
  }),
  marks: ({ param }) => [`query ${param} expiry_hex`],
  create: ({ param, algorithm, sign }, { isIgnored }) =>
    new KeyedDigest({
      name: NAME,
      places: [
        inOneParameter({
          name: param,
          shape: SHAPE,
          isShared: true,
          signs: sign === 'path' ? 'nothing' : 'others',
          isIgnored,
          write: ({ time, signature }) => `${time}_${signature}`,
        }),
      ],
      ...DIGESTS[algorithm],
      isHmac: true,
      encoding: 'hex',
      // the recipe refuses when now is after the expiry
      time: { ...DECIMAL, isInclusive: true },
      allowUnlimited: false,
      inputs: [({ path, query, time }) => `${path}${query && `?${query}`}${time}`],
    }),
})
