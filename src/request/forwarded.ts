const PAIR = /^\s*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[^";,]*)\s*$/

/**
 * One parameter of each element of a Forwarded field (RFC 7239 section 4), in order; undefined where an
 * element lacks it, holds it twice, or is broken.
 */
export function forwardedParameter(
  field: string,
  parameter: 'for' | 'proto' | 'host',
): (string | undefined)[] {
  return splitQuoted(field, ',').map((element) => {
    let value: string | undefined
    for (const pair of splitQuoted(element, ';')) {
      if (pair.trim() === '') continue
      const match = PAIR.exec(pair)
      if (!match) return undefined
      if (match[1]?.toLowerCase() !== parameter) continue
      if (value !== undefined) return undefined
      value = (match[2] ?? '').replace(/^"|"$/g, '').replace(/\\(.)/g, '$1')
    }
    return value
  })
}

function splitQuoted(text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    if (quoted && text[i] === '\\') i++
    else if (text[i] === '"') quoted = !quoted
    else if (!quoted && text[i] === separator) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}
