import type { RequestHeaders } from '../request/request-headers.ts'

/**
 * The fields of a request by lower-case name, as signatures of S3 and its kin write them: blanks around
 * a value taken off, lines of one name joined by a comma.
 */
export function headerLines(
  { raw }: RequestHeaders,
  isWanted: (name: string) => boolean,
): Map<string, string> {
  const lines = new Map<string, string>()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    if (!isWanted(name)) continue
    const value = withoutBlanks(raw[i + 1] ?? '')
    const before = lines.get(name)
    lines.set(name, before === undefined ? value : `${before},${value}`)
  }
  return lines
}

/** Runs of spaces and tabs as one space; Google's published tests have a run of tabs. */
export function collapseSpaces(value: string): string {
  return value.replace(/[ \t]{2,}/g, ' ')
}

/** Not `trim()`: that takes the byte A0, too, with which characters of UTF-8 end. */
function withoutBlanks(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isBlank(value.charCodeAt(start))) start++
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
