import { compilePattern, type Pattern } from './pattern.ts'

const PLAIN_VARIABLES: ReadonlySet<string> = new Set([
  'secret',
  'secure_link_expires',
  'uri',
  'remote_addr',
  'host',
  'scheme',
  'request_uri',
])

const VARIABLE = /\$(?:\{(\w+)\}|(\w+))/
const VARIABLE_EVERYWHERE = /\$(?:\{\w+\}|\w+)/

/** What one variable stands for in one request; its bytes as latin1. Nothing stands for no text. */
export type Lookup = (variable: string) => string | undefined

/**
 * A `secure_link_md5` of nginx: text with variables, whose names count in any case. `$secret` is where the
 * key stands.
 */
export class NginxExpression {
  /** Variables in lower case without their `$`, in order, each after the literal text before it. */
  readonly #parts: readonly { readonly literal: string; readonly variable: string }[]
  readonly #tail: string
  readonly variables: ReadonlySet<string>

  constructor(text: string) {
    const pieces = text.split(VARIABLE)
    const parts: { literal: string; variable: string }[] = []
    for (let at = 0; at + 2 < pieces.length; at += 3) {
      const variable = (pieces[at + 1] ?? pieces[at + 2] ?? '').toLowerCase()
      parts.push({ literal: octets(pieces[at] ?? ''), variable })
    }
    this.#parts = parts
    this.#tail = octets(pieces.at(-1) ?? '')
    this.variables = new Set(parts.map(({ variable }) => variable))
  }

  /** The text of a request in pieces: the key stands between them. */
  evaluate(lookup: Lookup): string[] {
    const pieces: string[] = []
    let piece = ''
    for (const { literal, variable } of this.#parts) {
      piece += literal
      if (variable === 'secret') {
        pieces.push(piece)
        piece = ''
      } else piece += lookup(variable) ?? ''
    }
    return [...pieces, piece + this.#tail]
  }
}

/**
 * The named groups of a `location ~` in a served path, their names in lower case; undefined where the
 * location is not for it.
 */
export function captures(
  location: Pattern,
  servedPath: string,
): ReadonlyMap<string, string> | undefined {
  const groups = location.search(servedPath)
  return (
    groups &&
    new Map(
      Object.entries(location.names).map(([name, number]) => [
        name.toLowerCase(),
        groups[number - 1] ?? '',
      ]),
    )
  )
}

/** Why an expression cannot be used, or undefined. */
export function whyNotExpression(text: string, location?: string): string | undefined {
  const { variables } = new NginxExpression(text)
  if (text.split(VARIABLE_EVERYWHERE).join('').includes('$'))
    return 'has a $ that begins no variable'
  if (!variables.has('secret')) return 'needs $secret where the secret stands; keys/ holds it'
  const groups = location === undefined ? {} : compilePattern(location)?.names
  // the location itself is reported
  if (!groups) return undefined
  const captured = new Set(Object.keys(groups).map((name) => name.toLowerCase()))
  for (const name of variables) {
    if (!PLAIN_VARIABLES.has(name) && !/^arg_./.test(name) && !captured.has(name)) {
      return `the variable $${name} is not known here`
    }
  }
  return undefined
}

function octets(text: string): string {
  return Buffer.from(text).toString('latin1')
}
