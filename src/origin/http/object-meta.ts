import { contentTypeOf } from '../object-name.ts'
import type { ObjectMeta } from '../origin.ts'
import { parseHttpDate } from './http-date.ts'
import { malformed, type ResponseHead } from './response-fields.ts'

const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/
const PRINTABLE = /^[\x20-\x7e]+$/

/** What a response says of the object with this name. Validators in a wrong form count as absent. */
export function metaFromHead(
  head: ResponseHead,
  name: string,
  size: number | undefined,
): ObjectMeta {
  const { etag, lastModified, contentType, contentLanguage } = head
  return {
    size,
    etag: etag !== undefined && ENTITY_TAG.test(etag) ? etag : undefined,
    lastModified: lastModified === undefined ? undefined : parseHttpDate(lastModified),
    contentType: printable(contentType) ?? contentTypeOf(name),
    contentEncoding: codingOf(head),
    contentLanguage: printable(contentLanguage),
  }
}

/** A tag that stands for identical bytes (RFC 9110 section 8.8.1). */
export function isStrongTag(etag: string | undefined): etag is string {
  return etag !== undefined && !etag.startsWith('W/')
}

function printable(value: string | undefined): string | undefined {
  return value !== undefined && PRINTABLE.test(value) ? value : undefined
}

function codingOf(head: ResponseHead): string | undefined {
  const coding = head.contentEncoding
  if (coding === undefined || coding === '' || coding.toLowerCase() === 'identity') return undefined
  // left out, it would make the client take coded bytes for plain ones
  if (!PRINTABLE.test(coding)) throw malformed('Content-Encoding')
  return coding
}
