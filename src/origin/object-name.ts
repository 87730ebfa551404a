import { contentType, lookup } from 'mime-types'

const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/

/** What the file of an object that is still being written begins with. */
export const STAGED = '.sluice-part-'
/** In any case: some file systems take upper and lower case for the same. */
const STAGED_NAME = /(?:^|\/)\.sluice-part-[^/]*\/*$/i

/**
 * Whether an origin may look for the name. Names are canonical already; this second look keeps a
 * mistake elsewhere from becoming a way out of the root. An object on its way is none yet.
 */
export function isLookupName(name: string): boolean {
  return name !== '' && !name.includes('\0') && !DOT_SEGMENT.test(name) && !STAGED_NAME.test(name)
}

/** Whether an object may be put under the name: canonical, decoded, and one path to every file system. */
export function isObjectName(name: string): boolean {
  return (
    isLookupName(name) &&
    name.isWellFormed() &&
    !/[\p{Cc}\\]/u.test(name) &&
    name.split('/').every((segment) => segment !== '')
  )
}

/** The media type that the name's extension stands for, with a charset for text. */
export function contentTypeOf(name: string): string {
  const type = lookup(name)
  return (type && contentType(type)) || 'application/octet-stream'
}
