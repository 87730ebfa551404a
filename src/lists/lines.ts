import type { Place, Span } from './list-draft.ts'

const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const CR = 0x0d

/** A line of a list without the space around it, and the place where that text starts. */
export interface Line extends Span, Place {}

/** Calls back for each line that is not blank; a byte order mark is no part of the first. */
export function eachLine(bytes: Uint8Array, take: (line: Line) => void): void {
  let begin = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  for (let number = 1; begin < bytes.length; number++) {
    const feed = bytes.indexOf(LF, begin)
    const next = feed < 0 ? bytes.length : feed
    const line = trimmed(bytes, { start: begin, end: next })
    if (line.end > line.start) {
      take({ ...line, line: number, column: line.start - begin + 1 })
    }
    begin = next + 1
  }
}

/** A span without the space around it. */
export function trimmed(bytes: Uint8Array, { start, end }: Span): Span {
  let from = start
  let to = end
  while (from < to && isSpace(bytes[from])) from++
  while (to > from && isSpace(bytes[to - 1])) to--
  return { start: from, end: to }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CR
}
