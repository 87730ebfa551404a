import type { RangeHint } from '../origin.ts'

const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/
const UNSATISFIED = /^bytes \*\/(\d{1,15})$/

/** Which bytes a 206 response holds (RFC 9110 section 14.4). */
export interface ContentRange {
  readonly first: number
  /** The last byte, inclusive. */
  readonly last: number
  /** Bytes of the whole object; undefined for `*`. */
  readonly size: number | undefined
}

/** Parses the field strictly; a range that contradicts itself is `undefined`. */
export function parseContentRange(text: string): ContentRange | undefined {
  const match = CONTENT_RANGE.exec(text)
  if (!match) return undefined
  const first = Number(match[1])
  const last = Number(match[2])
  const size = match[3] === '*' ? undefined : Number(match[3])
  if (first > last || (size !== undefined && last >= size)) return undefined
  return { first, last, size }
}

/** The object's size as a 416 response tells it: `bytes * /N`, written without the blank. */
export function parseUnsatisfiedRange(text: string | undefined): number | undefined {
  const size = text === undefined ? undefined : UNSATISFIED.exec(text)?.[1]
  return size === undefined ? undefined : Number(size)
}

/** The Range field's value for one range. */
export function formatRange(range: RangeHint): string {
  if ('suffix' in range) return `bytes=-${range.suffix}`
  return `bytes=${range.first}-${range.last ?? ''}`
}

/** Whether the origin sent just the bytes that were asked for. */
export function isAnswerTo(range: RangeHint, answer: ContentRange): boolean {
  const { first, last, size } = answer
  const end = size === undefined ? Infinity : size - 1
  if ('suffix' in range)
    return size !== undefined && last === end && first === Math.max(0, size - range.suffix)
  const wanted = Math.min(range.last ?? Infinity, end)
  return first === range.first && last === wanted
}
