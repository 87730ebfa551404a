import type { ListDraft, Place } from '../list-draft.ts'

/** A JSON document of a list, with the places of what is wrong in it. */
export interface JsonList {
  readonly data: unknown
  /** Adds a value that must be a CIDR. */
  readonly add: (cidr: unknown) => void
  /** Says what the document lacks. */
  readonly refuse: (message: string) => void
}

const START: Place = { line: 1, column: 1 }

/** Parses the whole list as JSON; undefined, with a problem in the draft, when it is none. */
export function readJsonList(draft: ListDraft): JsonList | undefined {
  const text = new TextDecoder().decode(draft.bytes)
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch (error) {
    if (text.trim() === '') draft.refuse(START, 'the list is empty')
    else draft.refuse(placeOfError(text, error), 'is not JSON')
    return undefined
  }
  return {
    data,
    add: (cidr) => {
      const wrong = typeof cidr === 'string' ? draft.tryToAdd(cidr) : 'expected a prefix as a text'
      if (wrong !== undefined) draft.refuse(placeOfValue(text, cidr), wrong)
    },
    refuse: (message) => {
      draft.refuse(START, message)
    },
  }
}

/** The member of an object; undefined of anything else. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}

/** Where a text first stands as a whole value; the start for anything else. */
function placeOfValue(text: string, value: unknown): Place {
  const offset = typeof value === 'string' ? text.indexOf(JSON.stringify(value)) : -1
  return offset < 0 ? START : placeAt(text, offset)
}

/** The messages of V8 name the offset of most errors, and none of a text that ends too early. */
function placeOfError(text: string, error: unknown): Place {
  const message = error instanceof Error ? error.message : ''
  if (message.includes('end of JSON')) return placeAt(text, text.length)
  return placeAt(text, Number(/at position (\d+)/.exec(message)?.[1] ?? 0))
}

function placeAt(text: string, offset: number): Place {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < start; i = text.indexOf('\n', i + 1)) line++
  return { line, column: offset - start + 1 }
}
