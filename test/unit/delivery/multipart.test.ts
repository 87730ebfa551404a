import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { frameMultipart } from '../../../src/delivery/multipart.ts'

const BODY = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 255))
const RANGES = [
  { start: 290, end: 300 },
  { start: 0, end: 1 },
  { start: 10, end: 20 },
]

function assemble(ranges: readonly { start: number; end: number }[]): {
  body: Buffer
  framing: ReturnType<typeof frameMultipart>
} {
  const framing = frameMultipart(ranges, BODY.length, 'video/mp4')
  const pieces = ranges.flatMap(({ start, end }, i) => [
    framing.heads[i] ?? Buffer.alloc(0),
    BODY.subarray(start, end),
  ])
  return { body: Buffer.concat([...pieces, framing.tail]), framing }
}

/** The parts as a recipient finds them (RFC 2046 section 5.1.1): head and bytes. */
function partsOf(body: Buffer, contentType: string): [head: string, bytes: Buffer][] {
  const boundary = contentType.slice(contentType.indexOf('boundary=') + 9)
  const pieces = `\r\n${body.toString('latin1')}`.split(`\r\n--${boundary}`)
  expect(pieces[0]).toBe('')
  expect(pieces.at(-1)).toBe('--\r\n')
  return pieces.slice(1, -1).map((piece) => {
    const end = piece.indexOf('\r\n\r\n')
    return [piece.slice(2, end), Buffer.from(piece.slice(end + 4), 'latin1')]
  })
}

describe('frameMultipart', () => {
  it('each part has its type, its range and its bytes, in the order asked for', () => {
    const { body, framing } = assemble(RANGES)
    expect(partsOf(body, framing.contentType)).toEqual([
      ['Content-Type: video/mp4\r\nContent-Range: bytes 290-299/300', BODY.subarray(290)],
      ['Content-Type: video/mp4\r\nContent-Range: bytes 0-0/300', BODY.subarray(0, 1)],
      ['Content-Type: video/mp4\r\nContent-Range: bytes 10-19/300', BODY.subarray(10, 20)],
    ])
  })

  it('the length is exact for any ranges', () => {
    const range = fc
      .tuple(fc.nat(299), fc.nat(299))
      .map(([x, y]) => ({ start: Math.min(x, y), end: Math.max(x, y) + 1 }))
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 50 }), (ranges) => {
        const { body, framing } = assemble(ranges)
        expect(framing.contentLength).toBe(body.length)
        expect(partsOf(body, framing.contentType)).toHaveLength(ranges.length)
      }),
    )
  })

  it('a type with characters above ASCII keeps one byte each', () => {
    const { heads, contentLength, tail } = frameMultipart(
      [{ start: 0, end: 1 }],
      2,
      'text/x-\u00e4',
    )
    expect(heads[0]?.includes(0xe4)).toBe(true)
    expect(contentLength).toBe((heads[0]?.length ?? 0) + 1 + tail.length)
  })

  it('the boundary is a token of its own in each response', () => {
    const types = Array.from({ length: 100 }, () => frameMultipart(RANGES, 300, 'a/b').contentType)
    expect(new Set(types).size).toBe(100)
    for (const type of types) expect(type).toMatch(/^multipart\/byteranges; boundary=[\w-]{1,70}$/)
  })
})
