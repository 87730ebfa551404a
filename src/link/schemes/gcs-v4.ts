import { z } from 'zod'
import type { Site } from '../../request/request-context.ts'
import { defineScheme } from '../definition.ts'
import { headAsGet } from './head-as-get.ts'
import { SigV4, type V4Dialect } from './sig-v4.ts'

const GOOGLE: V4Dialect = {
  name: 'gcs-v4',
  prefix: 'X-Goog-',
  hmacAlgorithm: 'GOOG4-HMAC-SHA256',
  rsaAlgorithm: 'GOOG4-RSA-SHA256',
  secretPrefix: 'GOOG4',
  terminator: 'goog4_request',
  defaultRegion: 'auto',
  hasPayloadParameter: false,
  hosts: withAndWithoutPort,
}

/** Google's own libraries sign the host without its port, even where the URL has one. */
function withAndWithoutPort({ host }: Site): readonly [string, ...string[]] {
  const name = host.replace(/:\d+$/, '')
  return name === host ? [host] : [host, name]
}

/** Signed URLs of Google Cloud Storage, version 4. */
export const gcsV4 = defineScheme({
  name: GOOGLE.name,
  algorithms: ['RS256', 'HS256'],
  options: z.strictObject({
    location: z
      .string()
      .regex(/^[a-z0-9-]+$/)
      .optional()
      .describe('The location that a link must name. Default: any; new links name auto.'),
    clockSkewSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(0)
      .describe('How long before its X-Goog-Date a link is good already.'),
    headAsGet,
  }),
  marks: () => ['query X-Goog-Signature'],
  create: ({ location, ...options }) =>
    new SigV4(GOOGLE, { ...options, region: location, service: 'storage' }),
})
