import { LRUCache } from 'lru-cache'
import { RE2JS } from 're2js'

const MAX_LENGTH = 1024
/** Instructions of the compiled pattern: `(a{1000}){1000}` is short to write. */
const MAX_PROGRAM = 4000
/** A compiled pattern takes 30 KiB and more, a tenth of a millisecond to make, and grants are many. */
const programs = new LRUCache<string, RE2JS>({ max: 128 })

/** A regular expression that takes time in the product of its own length and the text's, never more. */
export interface Pattern {
  /** Whether it matches the entire text. */
  matches(text: string): boolean
  /** The groups of its first match anywhere in the text; null where a group took no part. */
  search(text: string): readonly (string | null)[] | undefined
  /** The number of each named group, counted from 1. */
  readonly names: Readonly<Record<string, number>>
}

/** Compiles the syntax of RE2, which is that of JavaScript without backreferences and lookaround. */
export function compilePattern(source: string): Pattern | undefined {
  if (source.length > MAX_LENGTH) return undefined
  let names: Readonly<Record<string, number>>
  try {
    const program = programOf(source)
    if (program.programSize() > MAX_PROGRAM) return undefined
    names = program.namedGroups()
  } catch {
    return undefined
  }
  return {
    names,
    matches: (text) => programOf(source).testExact(text),
    search(text) {
      const matcher = programOf(source).matcher(text)
      if (!matcher.find()) return undefined
      return Array.from({ length: matcher.groupCount() }, (_, i) => matcher.group(i + 1))
    },
  }
}

function programOf(source: string): RE2JS {
  const known = programs.get(source)
  if (known) return known
  const program = RE2JS.compile(source)
  programs.set(source, program)
  return program
}

/**
 * Compiles a POSIX extended regular expression (IEEE 1003.1 section 9.4). What POSIX leaves undefined
 * and engines read differently is refused.
 */
export function compileExtended(source: string): Pattern | undefined {
  let translated = ''
  for (let at = 0; at < source.length;) {
    const next = source[at + 1] ?? ''
    let end = at + 1
    switch (source.charAt(at)) {
      case '\\':
        // an escaped letter is a class in Perl, and nothing in POSIX
        if (!/^[!-/:-@[-`{-~]$/.test(next)) return undefined
        end = at + 2
        break
      case '[':
        end = endOfBracket(source, at)
        if (end < 0) return undefined
        // within brackets a backslash stands for itself
        translated += source.slice(at, end).replaceAll('\\', '\\\\')
        at = end
        continue
      case '(':
        if (next === '?') return undefined
        break
      case '*':
      case '+':
      case '?':
        if (next !== '' && '*+?{'.includes(next)) return undefined
        break
      default:
    }
    translated += source.slice(at, end)
    at = end
  }
  return compilePattern(translated)
}

/** Behind the `]` that ends the bracket expression which begins at `start`, or -1. */
function endOfBracket(source: string, start: number): number {
  let at = start + 1
  if (source[at] === '^') at++
  // first in the list, `]` is one of its characters
  if (source[at] === ']') at++
  while (at < source.length) {
    if (source[at] === ']') return at + 1
    if (source[at] !== '[') {
      at++
      continue
    }
    const kind = source[at + 1]
    if (kind === '.' || kind === '=') return -1
    if (kind === ':') {
      const close = source.indexOf(':]', at + 2)
      if (close < 0) return -1
      at = close + 2
    } else at++
  }
  return -1
}

/** A text as an extended regular expression that matches it alone. */
export function escapeExtended(text: string): string {
  return text.replace(/[\\^$.[\]|()*+?{}]/g, '\\$&')
}
