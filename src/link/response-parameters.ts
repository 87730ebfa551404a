import { refuse, type Refusal } from '../base/refusal.ts'
import type { ResponseOverrides } from './grant.ts'
import { textOfOctets } from './octets.ts'

/** The parameters by which links of S3 and its kin set headers of the answer. */
const FIELDS = {
  'response-content-type': 'contentType',
  'response-content-language': 'contentLanguage',
  'response-expires': 'expires',
  'response-cache-control': 'cacheControl',
  'response-content-disposition': 'contentDisposition',
  'response-content-encoding': 'contentEncoding',
} as const satisfies Record<string, keyof ResponseOverrides>

/** What a header may hold: a line break in it would begin another header. */
export function isHeaderText(text: string): boolean {
  return /^[\x20-\x7e\u00a0-\u00ff]*$/.test(text)
}

export function isResponseParameter(name: string): name is keyof typeof FIELDS {
  return Object.hasOwn(FIELDS, name)
}

/** The headers that a link sets, from parameters that its signature covers; values are bytes. */
export function readResponseParameters(
  parameters: Iterable<readonly [name: string, octets: string]>,
): ResponseOverrides | undefined | Refusal {
  const response: { -readonly [K in keyof ResponseOverrides]: ResponseOverrides[K] } = {}
  for (const [name, octets] of parameters) {
    if (!isResponseParameter(name) || octets === '') continue
    const text = textOfOctets(octets)
    if (text === undefined || !isHeaderText(text)) {
      return refuse('link_malformed', `${name} is no value of a header`)
    }
    response[FIELDS[name]] = text
  }
  return Object.keys(response).length === 0 ? undefined : response
}

/** The parameters that set headers, as text. */
export function writeResponseParameters({
  contentDisposition,
  contentType,
}: Pick<ResponseOverrides, 'contentDisposition' | 'contentType'> = {}): [string, string][] {
  return [
    ...(contentDisposition === undefined
      ? []
      : [['response-content-disposition', contentDisposition] as [string, string]]),
    ...(contentType === undefined
      ? []
      : [['response-content-type', contentType] as [string, string]]),
  ]
}
