import { eachLine } from '../lines.ts'
import type { ListDraft, Span } from '../list-draft.ts'
import type { ListFormat } from './list-format.ts'

const COMMA = 0x2c
const QUOTE = 0x22
const FIELDS = 5

/** Apple's egress ranges of iCloud Private Relay, as CSV: `cidr,country,region,city,`. */
export const icloudRelay: ListFormat<'icloud-relay'> = {
  name: 'icloud-relay',
  anonymizer: 'relay',
  parse: parseIcloudRelay,
}

function parseIcloudRelay(draft: ListDraft): void {
  const { bytes } = draft
  const ends: number[] = []
  eachLine(bytes, (line) => {
    ends.length = 0
    if (!splitFields(bytes, line, ends) || ends.length !== FIELDS) {
      draft.refuse(line, `expected ${FIELDS} fields: cidr,country,region,city,`)
      return
    }
    const [first = 0, second = 0] = ends
    if (!isCountry(bytes, unquoted(bytes, { start: first + 1, end: second }))) {
      const column = line.column + first + 1 - line.start
      draft.refuse({ line: line.line, column }, 'expected a country of two letters')
      return
    }
    draft.addSpan(unquoted(bytes, { start: line.start, end: first }), line)
  })
}

/** Notes where each field of a row ends (RFC 4180); false when a quote stays open. */
function splitFields(bytes: Uint8Array, { start, end }: Span, ends: number[]): boolean {
  let isQuoted = false
  for (let i = start; i < end && ends.length < FIELDS; i++) {
    if (bytes[i] === QUOTE) isQuoted = !isQuoted
    else if (bytes[i] === COMMA && !isQuoted) ends.push(i)
  }
  if (!isQuoted) ends.push(end)
  return !isQuoted
}

function unquoted(bytes: Uint8Array, { start, end }: Span): Span {
  const isQuoted = end - start >= 2 && bytes[start] === QUOTE && bytes[end - 1] === QUOTE
  return isQuoted ? { start: start + 1, end: end - 1 } : { start, end }
}

/** Two letters, or nothing where Apple does not say. */
function isCountry(bytes: Uint8Array, { start, end }: Span): boolean {
  return (
    end === start || (end - start === 2 && isLetter(bytes[start]) && isLetter(bytes[start + 1]))
  )
}

function isLetter(byte = 0): boolean {
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x7a
}
