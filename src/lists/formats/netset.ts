import { eachLine, trimmed } from '../lines.ts'
import type { ListDraft, Span } from '../list-draft.ts'
import type { ListFormat } from './list-format.ts'

const HASH = 0x23
const SEMICOLON = 0x3b

/** An address or CIDR a line, with `#` and `;` comments: FireHOL, X4BNet, the old text form of DROP. */
export const netset: ListFormat<'netset'> = { name: 'netset', parse: parseNetset }

function parseNetset(draft: ListDraft): void {
  const { bytes } = draft
  eachLine(bytes, (line) => {
    const entry = withoutComment(bytes, line)
    if (entry.end > entry.start) draft.addSpan(entry, line)
  })
}

/** The span before a `#` or `;` comment, without the space around it. */
export function withoutComment(bytes: Uint8Array, span: Span): Span {
  for (let i = span.start; i < span.end; i++) {
    if (bytes[i] === HASH || bytes[i] === SEMICOLON) {
      return trimmed(bytes, { start: span.start, end: i })
    }
  }
  return span
}
