import { eachLine, type Line } from '../lines.ts'
import type { ListDraft } from '../list-draft.ts'
import { memberOf } from './json-values.ts'
import type { ListFormat } from './list-format.ts'

/** Longer than any record that Spamhaus writes; what is longer is not read. */
const LONGEST_LINE = 4096

/**
 * The newline-delimited JSON of Spamhaus DROP. Its last line, the metadata, counts the records: without
 * it, or with fewer records than it counts, the file was cut on its way.
 */
export const spamhausDrop: ListFormat<'spamhaus-drop'> = {
  name: 'spamhaus-drop',
  parse: parseSpamhausDrop,
}

function parseSpamhausDrop(draft: ListDraft): void {
  let metadata: { readonly records: number; readonly at: Line } | undefined
  let last: Line | undefined
  eachLine(draft.bytes, (line) => {
    last = line
    const record = recordOf(draft, line)
    if (memberOf(record, 'type') === 'metadata') {
      const records = memberOf(record, 'records')
      if (metadata) draft.refuse(line, 'a second metadata line')
      else if (typeof records !== 'number') draft.refuse(line, 'expected a number of records')
      else metadata = { records, at: line }
      return
    }
    const cidr = memberOf(record, 'cidr')
    if (typeof cidr === 'string') draft.add(cidr, line)
    else draft.refuse(line, 'expected a JSON object with a cidr')
  })
  if (!last) return
  if (!metadata) draft.refuse(last, 'the metadata line is missing: the file is cut')
  else if (metadata.records > draft.entries) {
    const { records, at } = metadata
    draft.refuse(at, `${records} records are announced, ${draft.entries} are there`)
  }
}

function recordOf(draft: ListDraft, line: Line): unknown {
  try {
    return JSON.parse(draft.textOf(line, LONGEST_LINE))
  } catch {
    return undefined
  }
}
