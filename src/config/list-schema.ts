import { z } from 'zod'
import { ANONYMIZERS } from '../base/network-facts.ts'
import { LIST_FORMATS, type ListFormatName } from '../lists/formats/registry.ts'
import { choice, positiveInteger, text, timerSeconds, urlWithQuery } from './fields.ts'
import { headerName, headerValue } from './origin-schema.ts'

/** Headers with which a list is asked for its changes; a fixed value would break that. */
const CONDITIONS = ['accept-encoding', 'if-match', 'if-modified-since', 'if-none-match']

const fetchHeader = headerName.refine((name) => !CONDITIONS.includes(name.toLowerCase()), {
  error: 'this header is set by the gateway itself',
})

export const listSchema = z
  .strictObject({
    file: text.optional().describe('File of the list.'),
    url: urlWithQuery.optional().describe('Where the list is published: http or https.'),
    headers: z
      .record(fetchHeader, headerValue)
      .default({})
      .describe('Headers sent to the URL. A value env:NAME is read from the environment.'),
    format: choice(LIST_FORMATS as readonly [ListFormatName, ...ListFormatName[]])
      .default('netset')
      .describe('Format of the list.'),
    anonymizer: choice(ANONYMIZERS)
      .optional()
      .describe('What kind of networks it holds. Default: what the format says.'),
    refreshSeconds: timerSeconds
      .default(3600)
      .describe('Seconds between looks at the file or fetches of the URL.'),
    maxBytes: positiveInteger
      .max(1024 ** 3)
      .default(64 * 1024 ** 2)
      .describe('The largest content, unpacked.'),
    maxShrink: z
      .number()
      .min(0)
      .max(1)
      .default(0.5)
      .describe('A refresh that loses more than this share of the entries is kept out.'),
    maxGrowth: z
      .number()
      .min(1)
      .default(10)
      .describe('A refresh with more than so many times the entries is kept out.'),
  })
  .describe(
    'A named list of networks. Without file and url it holds what the admin API puts there.',
  )
