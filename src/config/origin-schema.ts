import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'
import { hostAndPort, httpUrl, text, timerSeconds } from './fields.ts'
import { schemeEntry } from './route-schema.ts'
import { didYouMean } from './suggestion.ts'

/** Headers that the connection to an origin sets itself; a fixed value would break ranges or framing. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'if-range',
  'keep-alive',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export const headerName = z.string().superRefine((name, context) => {
  if (!isAccepted(() => validateHeaderName(name))) {
    context.addIssue({ code: 'custom', message: 'not a header name' })
  } else if (OWN_HEADERS.has(name.toLowerCase())) {
    context.addIssue({ code: 'custom', message: 'this header is set by the gateway itself' })
  }
})

export const headerValue = z
  .string()
  .refine((value) => isAccepted(() => validateHeaderValue('x', value)), {
    error: 'not a header value',
  })

function isAccepted(validate: () => void): boolean {
  try {
    validate()
    return true
  } catch {
    return false
  }
}

const fileOriginSchema = z
  .strictObject({
    type: z.literal('file').describe('Files of a local directory.'),
    root: text.describe('Directory that holds the objects; nothing outside is ever read.'),
  })
  .describe('Objects in a local directory.')

const timeoutSeconds = timerSeconds
  .default(30)
  .describe('Seconds that the origin may take to answer, or stand still while it sends.')

const ca = text
  .optional()
  .describe('PEM file with the certificate authorities to trust instead of the usual ones.')

const baseUrl = httpUrl.transform((url) => (url.endsWith('/') ? url : `${url}/`))

const presignSchema = z
  .strictObject({
    scheme: schemeEntry.describe('Link format that the origin takes, by its name or with options.'),
    key: text.describe('The kid of the key that signs; a key of keys.directory for this format.'),
    url: baseUrl
      .optional()
      .describe('What clients call in place of url, where that is not the same for them.'),
  })
  .describe('How links are signed that send clients to the origin itself.')

const httpOriginSchema = z
  .strictObject({
    type: z.literal('http').describe('Objects of an HTTP server.'),
    url: baseUrl.describe('Base URL; the object is appended to it.'),
    headers: z
      .record(headerName, headerValue)
      .default({})
      .describe('Headers sent to the origin. A value env:NAME is read from the environment.'),
    timeoutSeconds,
    followRedirects: z
      .boolean()
      .default(false)
      .describe('Follows redirects of the origin to redirectHosts.'),
    redirectHosts: z
      .array(hostAndPort)
      .default([])
      .describe('host or host:port that a redirect may lead to, beside the host of url.'),
    allowPrivateAddresses: z
      .boolean()
      .default(false)
      .describe('Allows redirectHosts to resolve to private, loopback or link-local addresses.'),
    ca,
    presign: presignSchema.optional(),
  })
  .describe('Objects of an HTTP server.')

/** Stands in a header, or in front of one, in plain ASCII. */
const credential = z.string().regex(/^[\x21-\x7e]+$/, {
  error: 'expected characters without blanks, or env:NAME',
})

const s3OriginSchema = z
  .strictObject({
    type: z.literal('s3').describe('Objects of a bucket.'),
    bucket: z
      .string()
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){1,254}$/, {
        error: 'a bucket has letters, digits, -, _ and single dots',
      })
      .describe('Name of the bucket.'),
    region: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,40}$/, { error: 'a region has letters, digits and -' })
      .describe('Region that requests are signed for: eu-central-1; auto at R2.'),
    endpoint: httpUrl
      .optional()
      .describe('URL of a store that speaks the S3 API. Default: that of AWS for the region.'),
    prefix: z
      .string()
      .regex(/^(?!\/)/, { error: 'must not begin with /' })
      .transform((prefix) => (prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`))
      .default('')
      .describe('Folder of the bucket that names are looked up below.'),
    forcePathStyle: z
      .boolean()
      .optional()
      .describe(
        'Whether the bucket stands in the path. Default: with an endpoint that is not of AWS.',
      ),
    accessKeyId: credential
      .optional()
      .describe(
        'Key that requests are signed with; env:NAME reads a variable. Default: as AWS tools.',
      ),
    secretAccessKey: credential
      .optional()
      .describe('Secret of accessKeyId; env:NAME reads a variable.'),
    sessionToken: credential
      .optional()
      .describe('Token of temporary credentials; env:NAME reads a variable.'),
    timeoutSeconds,
    ca,
  })
  .describe('Objects of a bucket of Amazon S3, or of a store that speaks its API.')

const TYPES = ['file', 'http', 's3']

export const originSchema = z.discriminatedUnion(
  'type',
  [fileOriginSchema, httpOriginSchema, s3OriginSchema],
  {
    error: (issue) => {
      if (issue.code !== 'invalid_union') return undefined
      const type = (issue.input as { type?: unknown }).type
      if (type === undefined) return `is required: ${TYPES.join(', ')}`
      return `expected one of ${TYPES.join(', ')}${typeof type === 'string' ? didYouMean(type, TYPES) : ''}`
    },
  },
)

export type HttpOriginConfig = z.output<typeof httpOriginSchema>
export type S3OriginConfig = z.output<typeof s3OriginSchema>
