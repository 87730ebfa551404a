import { FieldCollector, malformed, type ResponseHead } from './response-fields.ts'

const MAX_HEAD_BYTES = 16 * 1024
const MAX_FIELDS = 100
const MAX_INFORMATIONAL = 8
const START = 'HTTP/'
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: .*)?$/

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const DELETE = 127

/**
 * Finds and reads response heads in a stream of bytes, however it is cut. Strict where leniency lets two
 * parties see two messages (RFC 9112 sections 2.2, 5.2, 6.1): line ends are CRLF only, no folded lines.
 */
export class ResponseHeadParser {
  /** The final head, once `push` found its end. */
  head: ResponseHead | undefined
  #text = ''
  #size = 0
  #lineLength = 0
  #previous = 0
  #informational = 0

  /** Makes the parser ready for the next response. */
  reset(): void {
    this.head = undefined
    this.#informational = 0
    this.#nextHead()
  }

  /** Bytes were taken since `reset`. */
  get hasStarted(): boolean {
    return this.#size > 0 || this.#informational > 0
  }

  /** Takes bytes; returns where the body begins, or -1 when the head goes on. Throws `GatewayError`. */
  push(chunk: Buffer, from: number, end: number): number {
    let begin = from
    for (;;) {
      const stop = this.#findEnd(chunk, begin, end)
      this.#text += chunk.toString('latin1', begin, stop < 0 ? end : stop)
      if (stop < 0) return -1
      const head = parseHead(this.#text)
      this.#nextHead()
      if (head.status >= 200) {
        this.head = head
        return stop
      }
      // an upgrade that nobody asked for; other 1xx answers may come before the final one
      if (head.status === 101 || ++this.#informational > MAX_INFORMATIONAL) {
        throw malformed('unexpected informational responses')
      }
      begin = stop
    }
  }

  #nextHead(): void {
    this.#text = ''
    this.#size = 0
    this.#lineLength = 0
    this.#previous = 0
  }

  /** The position after the empty line, or -1. */
  #findEnd(chunk: Uint8Array, from: number, end: number): number {
    let previous = this.#previous
    let lineLength = this.#lineLength
    let at = from
    for (; this.#size + at - from < START.length && at < end; at++) {
      if (chunk[at] !== START.charCodeAt(this.#size + at - from))
        throw malformed('no HTTP response')
      lineLength++
    }
    const limit = Math.min(end, from + MAX_HEAD_BYTES - this.#size)
    for (; at < limit; at++) {
      const byte = chunk[at] as number
      if (byte === LF) {
        if (previous !== CR) throw malformed('bare LF in the head')
        if (lineLength === 0) return at + 1
        lineLength = 0
      } else if (previous === CR) throw malformed('bare CR in the head')
      else if (byte >= SPACE ? byte !== DELETE : byte === TAB) lineLength++
      else if (byte !== CR) throw malformed('control character in the head')
      previous = byte
    }
    if (limit < end) throw malformed('the head is too large')
    this.#previous = previous
    this.#lineLength = lineLength
    this.#size += end - from
    return -1
  }
}

/** Reads a complete head, its empty line included. */
function parseHead(text: string): ResponseHead {
  let at = text.indexOf('\r\n')
  const status = STATUS_LINE.exec(text.slice(0, at))
  if (!status) throw malformed('status line')
  const fields = new FieldCollector()
  let count = 0
  for (at += 2; ;) {
    const end = text.indexOf('\r\n', at)
    if (end === at) break
    if (++count > MAX_FIELDS) throw malformed('too many fields')
    fields.addLine(text, at, end)
    at = end + 2
  }
  return fields.finish(Number(status[2]), status[1] === '1')
}
