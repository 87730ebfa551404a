import { contentType, lookup } from 'mime-types'

const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/

/**
 * Whether an origin may look for the name. Names are canonical already; this second look keeps a
 * mistake elsewhere from becoming a way out of the root.
 */
export function isLookupName(name: string): boolean {
  return name !== '' && !name.includes('\0') && !DOT_SEGMENT.test(name)
}

/** The media type that the name's extension stands for, with a charset for text. */
export function contentTypeOf(name: string): string {
  const type = lookup(name)
  return (type && contentType(type)) || 'application/octet-stream'
}
