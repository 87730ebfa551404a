/**
 * `JSON.parse` that refuses duplicate member names at any depth (RFC 8259 section 4 leaves them open,
 * and readers differ on which one counts), nesting beyond 16,
 * and integers written with a fraction or exponent. Undefined for anything refused.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return hasUniqueNames(text) ? value : undefined
}

const MAX_DEPTH = 16

/** Walks a text that is known to be JSON; a string is a member name when a colon follows it. */
function hasUniqueNames(text: string): boolean {
  const open: (Set<string> | undefined)[] = []
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? ''
    switch (character) {
      case '{':
      case '[':
        if (open.push(character === '{' ? new Set() : undefined) > MAX_DEPTH) return false
        break
      case '}':
      case ']':
        open.pop()
        break
      case '"': {
        const end = endOfString(text, i)
        if (isFollowedByColon(text, end)) {
          const name = JSON.parse(text.slice(i, end)) as string
          const names = open.at(-1)
          if (names?.has(name)) return false
          names?.add(name)
        }
        i = end - 1
        break
      }
      default: {
        NUMBER.lastIndex = i
        const number = NUMBER.exec(text)?.[0]
        if (number === undefined) break
        // 1e9 and 1.0 are integers to JSON.parse alone; times and counts are written in digits
        if (!/^-?\d+$/.test(number) && Number.isInteger(Number(number))) return false
        i += number.length - 1
      }
    }
  }
  return true
}

const NUMBER = /-?\d[\d.eE+-]*/y

/** The index behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i + 1
}

function isFollowedByColon(text: string, at: number): boolean {
  let i = at
  while (text.charCodeAt(i) <= 0x20) i++
  return text[i] === ':'
}
