import type { ApiText } from '../../http/api.ts'
import { decodeValue, rawParameters } from '../../link/raw-query.ts'
import type { RequestContext } from '../../request/request-context.ts'
import { prefersXml } from './accept.ts'
import type { ApiError } from './errors.ts'
import { writeXml } from './xml.ts'

/** How an answer is written. */
export interface Shape {
  readonly type: 'json' | 'xml'
  readonly isIndented: boolean
}

/**
 * What a call wants its answer to look like. Read apart from the other parameters: an error has a shape
 * even where the call makes no sense. A `format` that is none is answered in JSON.
 */
export function shapeOf({ target, headers }: RequestContext): Shape {
  const parameters = rawParameters(target.rawQuery ?? '').map(({ name, value }) => ({
    name: decodeValue(name),
    value: decodeValue(value),
  }))
  const valuesOf = (wanted: string): (string | undefined)[] =>
    parameters.flatMap(({ name, value }) => (name === wanted ? [value] : []))
  const formats = valuesOf('format')
  const isXml =
    formats.length === 0 ? prefersXml(headers.accept) : formats.length === 1 && formats[0] === 'xml'
  return { type: isXml ? 'xml' : 'json', isIndented: valuesOf('human').at(-1) === 'true' }
}

/** The URL of a file, or those of an archive's files. */
export function urlsText(
  urls: readonly string[],
  options: { readonly isList: boolean; readonly shape: Shape; readonly isRedirect: boolean },
): ApiText {
  const [first = ''] = urls
  return text(options.isRedirect ? 302 : 200, options.shape, {
    json: { url: options.isList ? urls : first },
    xml: urls.map((url) => ['url', url]),
    headers: options.isRedirect ? ['Location', first] : [],
  })
}

export function errorText({ status, code, message }: ApiError, shape: Shape): ApiText {
  const answer = text(status, shape, {
    json: { error: { error_code: code, error_message: message } },
    xml: [
      [
        'error',
        [
          ['error_code', code],
          ['error_message', message],
        ],
      ],
    ],
    headers: [],
  })
  return { ...answer, reason: code }
}

function text(
  status: number,
  { type, isIndented }: Shape,
  content: {
    readonly json: object
    readonly xml: Parameters<typeof writeXml>[1]
    readonly headers: readonly string[]
  },
): ApiText {
  const isXml = type === 'xml'
  return {
    kind: 'text',
    status,
    mediaType: isXml ? 'application/xml' : 'application/json',
    body: isXml
      ? writeXml('response', content.xml, isIndented)
      : JSON.stringify(content.json, undefined, isIndented ? 2 : 0),
    headers: content.headers,
  }
}
