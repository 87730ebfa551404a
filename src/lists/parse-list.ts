import { listFormat, type ListFormatName } from './formats/registry.ts'
import { ListDraft, type ParsedList } from './list-draft.ts'

/**
 * Parses a list. A wrong line keeps the whole list out, and so does a list without an entry: an empty
 * download never opens or closes a gateway.
 */
export function parseList(bytes: Uint8Array, format: ListFormatName): ParsedList {
  const draft = new ListDraft(bytes)
  listFormat(format).parse(draft)
  return draft.finish()
}
