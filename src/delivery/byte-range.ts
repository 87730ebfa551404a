import type { RangeHint } from '../origin/origin.ts'

/** One element of a `Range` field, before the size of the object is known (RFC 9110 section 14.1.2). */
export type RangeSpec = RangeHint

/** The bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export type ResolvedRanges =
  | { readonly kind: 'whole' }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'ranges'; readonly ranges: readonly ByteRange[] }

const MAX_FIELD_LENGTH = 4096
const MAX_SPECS = 50
const MAX_POSITION = 999_999_999_999_999
const BEYOND_ANY_OBJECT = Number.MAX_SAFE_INTEGER

const COMMA = 44
const DIGIT_0 = 48
const SPACE = 32
const TAB = 9

const WHOLE: ResolvedRanges = { kind: 'whole' }
const UNSATISFIABLE: ResolvedRanges = { kind: 'unsatisfiable' }

/**
 * Parses a `Range` field (RFC 9110 section 14.2). `undefined` means that the field is ignored: another
 * unit, anything malformed, a last position before the first, more than 50 ranges or 4 KiB. White space
 * and empty elements are taken as in any list (section 5.6.1). A position above 15 digits lies beyond any object.
 */
export function parseRange(header: string): RangeSpec[] | undefined {
  if (header.length > MAX_FIELD_LENGTH) return undefined
  if (!header.startsWith('bytes=') && header.slice(0, 6).toLowerCase() !== 'bytes=')
    return undefined
  const specs: RangeSpec[] = []
  for (let at = 6, comma = at; at < header.length; at = comma + 1) {
    comma = at
    while (comma < header.length && header.charCodeAt(comma) !== COMMA) comma++
    let from = at
    let to = comma
    while (from < to && isWhiteSpace(header.charCodeAt(from))) from++
    while (from < to && isWhiteSpace(header.charCodeAt(to - 1))) to--
    if (from === to) continue
    const spec = parseSpec(header, from, to)
    if (spec === undefined || specs.length === MAX_SPECS) return undefined
    specs.push(spec)
  }
  return specs.length > 0 ? specs : undefined
}

function isWhiteSpace(code: number): boolean {
  return code === SPACE || code === TAB
}

function parseSpec(header: string, from: number, to: number): RangeSpec | undefined {
  const dash = header.indexOf('-', from)
  if (dash < 0 || dash >= to) return undefined
  if (dash === from) {
    const suffix = parsePosition(header, dash + 1, to)
    return suffix < 0 ? undefined : { suffix }
  }
  const first = parsePosition(header, from, dash)
  if (first < 0) return undefined
  if (dash + 1 === to) return { first, last: undefined }
  const last = parsePosition(header, dash + 1, to)
  return last < first ? undefined : { first, last }
}

/** The digits from `from` to `to` as a number, or -1 when there is none or something else. */
function parsePosition(header: string, from: number, to: number): number {
  if (from === to) return -1
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = header.charCodeAt(i) - DIGIT_0
    if (digit < 0 || digit > 9) return -1
    // leading zeros don't count, so a long text may still be a small number
    if (value <= MAX_POSITION) value = value * 10 + digit
  }
  return value > MAX_POSITION ? BEYOND_ANY_OBJECT : value
}

/**
 * Applies ranges to an object of `size` bytes (RFC 9110 sections 14.1.2 and 15.3.7.2). The result is in
 * request order, within the object, and no two ranges overlap or touch: those that do become one, at
 * the place of the first, so a response never holds more bytes than the object.
 */
export function resolveRanges(specs: readonly RangeSpec[], size: number): ResolvedRanges {
  const ranges: ByteRange[] = []
  for (const spec of specs) {
    if ('suffix' in spec) {
      if (spec.suffix === 0) continue
      // satisfiable, but Content-Range has no form for zero bytes
      if (size === 0) return WHOLE
      ranges.push({ start: Math.max(0, size - spec.suffix), end: size })
    } else if (spec.first < size) {
      const end = spec.last === undefined || spec.last >= size ? size : spec.last + 1
      ranges.push({ start: spec.first, end })
    }
  }
  if (ranges.length === 0) return UNSATISFIABLE
  return { kind: 'ranges', ranges: ranges.length === 1 ? ranges : coalesce(ranges) }
}

function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const sorted = ranges
    .map(({ start, end }, order) => ({ start, end, order }))
    .sort((x, y) => x.start - y.start)
  const runs: typeof sorted = []
  let run: (typeof sorted)[number] | undefined
  for (const range of sorted) {
    if (run && range.start <= run.end) {
      run.end = Math.max(run.end, range.end)
      run.order = Math.min(run.order, range.order)
    } else {
      run = range
      runs.push(run)
    }
  }
  return runs.sort((x, y) => x.order - y.order).map(({ start, end }) => ({ start, end }))
}

/** `Content-Range` of a 206 or of one of its parts (RFC 9110 section 14.4). */
export function formatContentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`
}

/** `Content-Range` of a 416 (RFC 9110 section 15.5.17). */
export function formatUnsatisfiedRange(size: number): string {
  return `bytes */${size}`
}
