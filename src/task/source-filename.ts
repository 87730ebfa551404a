import { extension } from 'mime-types'
import type { ResponseHead } from '../origin/http/response-fields.ts'
import { isObjectName } from '../origin/object-name.ts'
import { filenameOfDisposition } from './content-disposition.ts'

const MAX_BYTES = 200
const EXTENSION = /.\.([A-Za-z0-9]{1,10})$/
/** Control characters, and the bidirectional marks that make "gpj.exe" read as "exe.jpg". */
const NOT_IN_A_FILENAME = /[\p{Cc}\p{Bidi_C}\u2028\u2029]/gu
const UNKNOWN_TYPE = /^application\/octet-stream\b/i

/**
 * What a source is saved as: the name that it gives itself, else the last part of its URL. Without an
 * extension it gets that of its media type.
 */
export function sourceFilename(head: ResponseHead, url: URL): string {
  const given = filenameOfDisposition(head.contentDisposition)
  const name = clean(given ?? '') ?? clean(lastSegment(url)) ?? 'download'
  const ending = EXTENSION.test(name) ? undefined : extensionOf(head.contentType)
  return shorten(ending === undefined ? name : `${name}.${ending}`)
}

/** The name with another extension, and optionally something behind its stem. */
export function renamed(filename: string, suffix: string, ending: string): string {
  return `${stemOf(filename)}${suffix}.${ending}`
}

/** The name without its extension. */
export function stemOf(filename: string): string {
  const ending = EXTENSION.exec(filename)?.[1]
  return ending === undefined ? filename : filename.slice(0, -ending.length - 1)
}

/** The last part of what may be a path (RFC 6266 section 4.3); undefined when no file can have the name. */
function clean(text: string): string | undefined {
  const last = text.split(/[/\\]/).at(-1) ?? ''
  const name = last.toWellFormed().replace(NOT_IN_A_FILENAME, '').trim()
  return isObjectName(name) ? name : undefined
}

function lastSegment({ pathname }: URL): string {
  const segment = pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function extensionOf(contentType: string | undefined): string | undefined {
  if (contentType === undefined || UNKNOWN_TYPE.test(contentType)) return undefined
  return extension(contentType) || undefined
}

/** Cuts the stem, never inside a character. */
function shorten(name: string): string {
  const stem = stemOf(name)
  const ending = name.slice(stem.length)
  const bytes = Buffer.from(stem).subarray(0, MAX_BYTES - Buffer.byteLength(ending))
  // a stream may go on, so what is left of a cut character is held back
  return new TextDecoder().decode(bytes, { stream: true }) + ending
}
