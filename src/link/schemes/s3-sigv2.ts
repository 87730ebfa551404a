import { defineScheme } from '../definition.ts'
import { SigV2, v2Options } from './sig-v2.ts'
import type { V2Dialect } from './v2-link.ts'

const S3: V2Dialect = {
  name: 's3-sigv2',
  keyParameter: 'AWSAccessKeyId',
  headerPrefix: 'x-amz-',
  signsQuery: true,
  collapsesSpaces: false,
  signature: 'HMAC-SHA1',
}

/** Presigned URLs of Amazon S3 before version 4, which many stores still take. */
export const s3SigV2 = defineScheme({
  name: S3.name,
  // a key of version 4 is the same secret
  algorithms: ['HS1', 'HS256'],
  options: v2Options,
  marks: () => ['query AWSAccessKeyId'],
  create: ({ endpointDomain = 's3.amazonaws.com', ...options }) =>
    new SigV2(S3, { ...options, endpointDomain }),
})
