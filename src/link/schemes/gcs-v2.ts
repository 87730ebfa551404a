import { defineScheme } from '../definition.ts'
import { SigV2, v2Options } from './sig-v2.ts'
import type { V2Dialect } from './v2-link.ts'

const GOOGLE: V2Dialect = {
  name: 'gcs-v2',
  keyParameter: 'GoogleAccessId',
  headerPrefix: 'x-goog-',
  signsQuery: false,
  collapsesSpaces: true,
  signature: 'RSA-SHA256',
}

/** Signed URLs of Google Cloud Storage, version 2. */
export const gcsV2 = defineScheme({
  name: GOOGLE.name,
  algorithms: ['RS256'],
  options: v2Options,
  marks: () => ['query GoogleAccessId'],
  create: ({ endpointDomain = 'storage.googleapis.com', ...options }) =>
    new SigV2(GOOGLE, { ...options, endpointDomain }),
})
