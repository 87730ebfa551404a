import type { Anonymizer } from '../../base/network-facts.ts'
import type { ListDraft } from '../list-draft.ts'

/** A format in which lists of networks are published. */
export interface ListFormat<Name extends string = string> {
  readonly name: Name
  /** What those on such a list are, when the format says it. */
  readonly anonymizer?: Anonymizer
  /** Puts the networks of `draft.bytes` into the draft, and what is wrong with them. Never throws. */
  readonly parse: (draft: ListDraft) => void
}
