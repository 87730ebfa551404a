import { validateHeaderName, validateHeaderValue } from 'node:http'
import { z } from 'zod'
import { hostAndPort, httpUrl, text, timerSeconds } from './fields.ts'
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

const httpOriginSchema = z
  .strictObject({
    type: z.literal('http').describe('Objects of an HTTP server.'),
    url: httpUrl
      .transform((url) => (url.endsWith('/') ? url : `${url}/`))
      .describe('Base URL; the object is appended to it.'),
    headers: z
      .record(headerName, headerValue)
      .default({})
      .describe('Headers sent to the origin. A value env:NAME is read from the environment.'),
    timeoutSeconds: timerSeconds
      .default(30)
      .describe('Seconds that the origin may take to answer, or stand still while it sends.'),
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
    ca: text
      .optional()
      .describe('PEM file with the certificate authorities to trust instead of the usual ones.'),
  })
  .describe('Objects of an HTTP server.')

const TYPES = ['file', 'http']

export const originSchema = z.discriminatedUnion('type', [fileOriginSchema, httpOriginSchema], {
  error: (issue) => {
    if (issue.code !== 'invalid_union') return undefined
    const type = (issue.input as { type?: unknown }).type
    if (type === undefined) return 'is required: file or http'
    if (type === 's3') return 'an origin of type s3 is not built yet'
    return `expected one of ${TYPES.join(', ')}${typeof type === 'string' ? didYouMean(type, TYPES) : ''}`
  },
})
