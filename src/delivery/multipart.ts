import { randomUUID } from 'node:crypto'
import { type ByteRange, formatContentRange } from './byte-range.ts'

/** Everything of a multipart/byteranges body that is not bytes of the object. */
export interface MultipartFraming {
  /** The Content-Type of the response, with the boundary. */
  readonly contentType: string
  /** What precedes the bytes of each range, in the order of the ranges. */
  readonly heads: readonly Buffer[]
  /** The closing delimiter, after the bytes of the last range. */
  readonly tail: Buffer
  /** The exact length of the body: heads, ranges and tail. */
  readonly contentLength: number
}

/**
 * Frames several ranges of one object as multipart/byteranges (RFC 9110 section 14.6, RFC 2046 section
 * 5.1.1). The boundary is random, so an object cannot contain it on purpose.
 */
export function frameMultipart(
  ranges: readonly ByteRange[],
  size: number,
  contentType: string,
): MultipartFraming {
  const boundary = randomUUID()
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')
  let contentLength = tail.length
  const heads = ranges.map((range, i) => {
    const head = Buffer.from(
      `${i === 0 ? '' : '\r\n'}--${boundary}\r\n` +
        `Content-Type: ${contentType}\r\n` +
        `Content-Range: ${formatContentRange(range, size)}\r\n\r\n`,
      'latin1',
    )
    contentLength += head.length + range.end - range.start
    return head
  })
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    heads,
    tail,
    contentLength,
  }
}
