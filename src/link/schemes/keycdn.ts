import { z } from 'zod'
import { defineScheme, type Surroundings } from '../definition.ts'
import { unlimitedOption } from './digest-format.ts'
import { inParameters } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'keycdn'
const MD5 = { name: NAME, digest: 'md5', isHmac: false, encoding: 'base64url', bytes: 16 } as const

function tokenLinks(): KeyedDigest {
  return new KeyedDigest({
    ...MD5,
    places: [inParameters({ signature: 'token', time: 'expire', trigger: 'expire' })],
    time: DECIMAL,
    allowUnlimited: false,
    inputs: [({ path, secret, time }) => `${path}${secret}${time}`],
  })
}

/** Path and query stand side by side without `?`, and nothing says when the link ends. */
function imageLinks(allowUnlimited: boolean, { isIgnored }: Surroundings): KeyedDigest {
  return new KeyedDigest({
    ...MD5,
    places: [inParameters({ signature: 'token', signs: 'others', isIgnored })],
    allowUnlimited,
    inputs: [({ path, query, secret }) => `${path}${query}${secret}`],
  })
}

/** KeyCDN's secure tokens: `?token=base64url(MD5(path, secret, expiry))&expire=`. */
export const keycdn = defineScheme({
  name: NAME,
  algorithms: ['MD5'],
  options: z.strictObject({
    mode: z
      .enum(['token', 'image'])
      .default('token')
      .describe('image: the token of image processing, over path and query, without an expiry.'),
    allowUnlimited: unlimitedOption,
  }),
  marks: ({ mode }) => [mode === 'image' ? 'query token md5' : 'query token+expire'],
  create: ({ mode, allowUnlimited }, surroundings) =>
    mode === 'image' ? imageLinks(allowUnlimited, surroundings) : tokenLinks(),
})
