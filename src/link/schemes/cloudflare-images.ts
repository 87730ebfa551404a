import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { unlimitedOption } from './digest-format.ts'
import { inParameters } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'cloudflare-images'

/** Signed URLs of Cloudflare Images: `?exp=E&sig=hex(HMAC-SHA256(path and query))`. */
export const cloudflareImages = defineScheme({
  name: NAME,
  algorithms: ['HS256'],
  options: z.strictObject({ allowUnlimited: unlimitedOption }),
  marks: () => ['query sig+exp'],
  create: ({ allowUnlimited }, { isIgnored }) =>
    new KeyedDigest({
      name: NAME,
      places: [
        inParameters({
          signature: 'sig',
          time: 'exp',
          isTimeOptional: true,
          signs: 'all',
          isIgnored,
        }),
      ],
      digest: 'sha256',
      isHmac: true,
      encoding: 'hex',
      bytes: 32,
      time: DECIMAL,
      allowUnlimited,
      inputs: [({ path, query }) => `${path}?${query}`],
    }),
})
