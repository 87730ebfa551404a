const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[^"\\\\]|\\\\[\\s\\S])*"'
const PARAMETER = new RegExp(
  `[\\t ]*;[\\t ]*(?:(${TOKEN})[\\t ]*=[\\t ]*(${TOKEN}|${QUOTED}))?`,
  'y',
)
const TYPE = new RegExp(`${TOKEN}[\\t ]*`, 'y')
const EXTENDED =
  /^(utf-8|iso-8859-1)'[A-Za-z0-9-]*'((?:%[0-9A-Fa-f]{2}|[!#$&+\-.^_`|~0-9A-Za-z])*)$/i

/**
 * The filename of a Content-Disposition field (RFC 6266) in Latin-1 text, as HTTP carries it; `filename*`
 * comes before `filename`. Undefined when there is none and when the field breaks the grammar.
 */
export function filenameOfDisposition(field: string | undefined): string | undefined {
  const parameters = field === undefined ? undefined : parametersOf(field)
  if (!parameters) return undefined
  const extended = parameters.get('filename*')
  const plain = parameters.get('filename')
  return (extended && decodeExtended(extended)) ?? (plain && decodePlain(plain))
}

/** By lower-case names, values without their quotes; undefined when one comes twice. */
function parametersOf(field: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>()
  TYPE.lastIndex = 0
  if (!TYPE.test(field)) return undefined
  for (let at = TYPE.lastIndex; at < field.trimEnd().length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at
    const match = PARAMETER.exec(field)
    if (!match) return undefined
    const name = match[1]?.toLowerCase()
    if (name === undefined) continue
    if (parameters.has(name)) return undefined
    parameters.set(name, unquote(match[2] ?? ''))
  }
  return parameters
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\([\s\S])/g, '$1') : value
}

/** RFC 8187 section 3.2.1. */
function decodeExtended(value: string): string | undefined {
  const [, charset = '', text = ''] = EXTENDED.exec(value) ?? []
  if (charset === '') return undefined
  const bytes = Buffer.from(
    text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  return charset.toLowerCase() === 'utf-8' ? decodeUtf8(bytes) : bytes.toString('latin1')
}

/** RFC 9110 says Latin-1; what servers send there is UTF-8 more often, and Latin-1 text rarely looks like it. */
function decodePlain(value: string): string {
  return decodeUtf8(Buffer.from(value, 'latin1')) ?? value
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
