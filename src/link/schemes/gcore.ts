import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { inParameters } from './digest-place.ts'
import { DECIMAL } from './digest-time.ts'
import { KeyedDigest } from './keyed-digest.ts'

const NAME = 'gcore'

/** Gcore's secure tokens: `?md5=base64url(MD5(expiry, path, address, " ", secret))&expires=`. */
export const gcore = defineScheme({
  name: NAME,
  algorithms: ['MD5'],
  options: z.strictObject({
    ipBound: z
      .boolean()
      .default(false)
      .describe("Whether the client's address is part of the token, as set at the CDN."),
  }),
  marks: () => ['query md5+expires'],
  create: ({ ipBound }) =>
    new KeyedDigest({
      name: NAME,
      places: [inParameters({ signature: 'md5', time: 'expires' })],
      digest: 'md5',
      isHmac: false,
      encoding: 'base64url',
      bytes: 16,
      time: DECIMAL,
      allowUnlimited: false,
      bindsAddress: ipBound,
      inputs: [
        ({ time, path, client, secret }) => `${time}${path}${ipBound ? client : ''} ${secret}`,
      ],
    }),
})
