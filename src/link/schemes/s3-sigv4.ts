import { z } from 'zod'
import { defineScheme } from '../definition.ts'
import { headAsGet } from './head-as-get.ts'
import { SigV4, type V4Dialect } from './sig-v4.ts'

const S3: V4Dialect = {
  name: 's3-sigv4',
  prefix: 'X-Amz-',
  hmacAlgorithm: 'AWS4-HMAC-SHA256',
  secretPrefix: 'AWS4',
  terminator: 'aws4_request',
  defaultRegion: 'us-east-1',
  hasPayloadParameter: true,
  hosts: ({ host }) => [host],
}

/** Presigned URLs of Amazon S3 and of the stores that speak its API. */
export const s3SigV4 = defineScheme({
  name: S3.name,
  algorithms: ['HS256'],
  options: z.strictObject({
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/)
      .optional()
      .describe('The region that a link must name. Default: any; new links name us-east-1.'),
    service: z
      .string()
      .regex(/^[a-z0-9-]+$/)
      .default('s3')
      .describe('The service that a link must name.'),
    clockSkewSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(900)
      .describe('How long before its X-Amz-Date a link is good already; S3 allows 15 minutes.'),
    headAsGet,
    sessionToken: z
      .string()
      .regex(/^[\x21-\x7e]+$/)
      .optional()
      .describe('The X-Amz-Security-Token that every link must carry. Default: none or any.'),
  }),
  marks: () => ['query X-Amz-Signature'],
  create: (options) => new SigV4(S3, options),
})
