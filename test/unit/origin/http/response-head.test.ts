import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../../src/base/failure.ts'
import type { ResponseHead } from '../../../../src/origin/http/response-fields.ts'
import { ResponseHeadParser } from '../../../../src/origin/http/response-head.ts'

type Outcome = ResponseHead | 'refused' | 'incomplete'

/** Parses pieces one after the other, each at an odd offset of a larger buffer. */
function parsePieces(pieces: readonly Buffer[]): { outcome: Outcome; rest: string } {
  const parser = new ResponseHeadParser()
  parser.reset()
  try {
    for (const [i, piece] of pieces.entries()) {
      const padded = Buffer.concat([Buffer.from('###'), piece, Buffer.from('###')])
      const at = parser.push(padded, 3, 3 + piece.length)
      if (at < 0) continue
      const rest = Buffer.concat([padded.subarray(at, 3 + piece.length), ...pieces.slice(i + 1)])
      return { outcome: parser.head as ResponseHead, rest: rest.toString('latin1') }
    }
    return { outcome: 'incomplete', rest: '' }
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'ERR_ORIGIN_RESPONSE')
      return { outcome: 'refused', rest: '' }
    throw error
  }
}

function parse(text: string): Outcome {
  return parsePieces([Buffer.from(text, 'latin1')]).outcome
}

/** Cuts bytes at arbitrary positions. */
function splits(bytes: Buffer): fc.Arbitrary<Buffer[]> {
  return fc.array(fc.nat(bytes.length), { maxLength: 20 }).map((cuts) => {
    const sorted = [0, ...cuts.sort((a, b) => a - b), bytes.length]
    return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
  })
}

const FULL = [
  'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n',
  'HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\nContent-Range: bytes 0-9/100\r\n',
  'ETag:"a\xe9"\r\nLast-Modified:\tTue, 14 Nov 2023 22:13:20 GMT \r\nKeep-Alive: timeout=5, max=10\r\n',
  'Content-Type: text/plain\r\nContent-Language: de\r\nContent-Language: en\r\nX-Empty:\r\n\r\n0123456789',
].join('')

describe('ResponseHeadParser', () => {
  it('reads what the gateway needs', () => {
    const { outcome, rest } = parsePieces([Buffer.from(FULL, 'latin1')])
    expect(rest).toBe('0123456789')
    expect(outcome).toEqual({
      status: 206,
      framing: 'length',
      contentLength: 10,
      isPersistent: true,
      keepAliveSeconds: 5,
      etag: '"a\xe9"',
      lastModified: 'Tue, 14 Nov 2023 22:13:20 GMT',
      contentType: 'text/plain',
      contentEncoding: undefined,
      contentLanguage: 'de, en',
      contentRange: 'bytes 0-9/100',
      location: undefined,
    })
  })

  it.each([
    ['HTTP/1.1 200 OK\r\n\r\n', { framing: 'close', isPersistent: true }],
    ['HTTP/1.1 200\r\n\r\n', { status: 200 }],
    ['HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n', { isPersistent: false }],
    ['HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n', { isPersistent: true }],
    ['HTTP/1.1 200 OK\r\nConnection: x , Close\r\n\r\n', { isPersistent: false }],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n', { framing: 'chunked' }],
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n', { contentLength: 5 }],
    ['HTTP/1.1 200 OK\r\nX: a\tb\xff\r\n\r\n', { status: 200 }],
    ['HTTP/1.1 200 OK\r\ncONTENT-length: 5\r\n\r\n', { contentLength: 5 }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', { contentLength: 5 }],
    ['HTTP/1.1 200 OK\r\nContent-Lengths: 5\r\n\r\n', { contentLength: undefined }],
    ['HTTP/1.1 200 OK\r\nContent-Lengty: 5\r\n\r\n', { contentLength: undefined }],
    [`HTTP/1.1 200 OK\r\n${'C'.repeat(300)}: 5\r\n\r\n`, { contentLength: undefined }],
  ])('%j is accepted', (text, expected) => {
    expect(parse(text)).toMatchObject(expected)
  })

  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
    ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
    ['a lower-case name', 'http/1.1 200 OK\r\n\r\n'],
    ['an empty line first', '\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['status 000', 'HTTP/1.1 000 OK\r\n\r\n'],
    ['two blanks before the status', 'HTTP/1.1  200 OK\r\n\r\n'],
    ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 5\n\n'],
    ['bare LF after a field', 'HTTP/1.1 200 OK\r\nA: b\n\r\n'],
    ['bare CR', 'HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n'],
    ['CR CR LF', 'HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n'],
    ['NUL', 'HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n'],
    ['DEL', 'HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n'],
    ['obs-fold', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
    ['obs-fold with a tab', 'HTTP/1.1 200 OK\r\nA: b\r\n\tc: d\r\n\r\n'],
    ['a folded first field', 'HTTP/1.1 200 OK\r\n A: b\r\n\r\n'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n'],
    ['a line without colon', 'HTTP/1.1 200 OK\r\nabc\r\nA: b\r\n\r\n'],
    ['an empty name', 'HTTP/1.1 200 OK\r\n: b\r\n\r\n'],
    ['a name that is no token', 'HTTP/1.1 200 OK\r\nA(b): c\r\n\r\n'],
    ['differing lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n'],
    ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n'],
    ['a hexadecimal length', 'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n'],
    ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n'],
    [
      'a length beyond exact integers',
      'HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\n',
    ],
    [
      'length and chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    [
      'chunked twice',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['chunked with a parameter', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;q=1\r\n\r\n'],
    ['identity coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n'],
    ['chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two types', 'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n'],
    ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['1xx without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)],
    ['101 fields', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(101)}\r\n`],
    ['a head over 16 KiB', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(16 * 1024)}\r\n\r\n`],
    ['a status line over 16 KiB', `HTTP/1.1 200 ${'b'.repeat(17 * 1024)}`],
  ])('%s is refused', (_, text) => {
    expect(parse(text)).toBe('refused')
    expect(
      parsePieces([...Buffer.from(text, 'latin1')].map((byte) => Buffer.of(byte))).outcome,
    ).toBe('refused')
  })

  it('100 fields and eight informational responses are accepted', () => {
    const text = `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(8)}HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(100)}\r\n`
    expect(parse(text)).toMatchObject({ status: 200 })
  })

  it('any split of a head parses to the same result', () => {
    const bytes = Buffer.from(FULL, 'latin1')
    const whole = parsePieces([bytes])
    fc.assert(
      fc.property(splits(bytes), (pieces) => {
        expect(parsePieces(pieces)).toEqual(whole)
      }),
    )
  })

  it('any bytes parse to the same result however they are cut, and never to an exception of ours', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'HTTP/1.1 200 OK',
        '\r\n',
        '\r',
        '\n',
        ': ',
        ' ',
        'Content-Length',
        'Transfer-Encoding',
        'chunked',
        '5',
      ),
      fc.string({
        unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
        maxLength: 4,
      }),
    )
    const text = fc
      .array(piece, { maxLength: 12 })
      .map((parts) => `HTTP/1.1 200 OK\r\n${parts.join('')}\r\n\r\n`)
    const cut = text.chain((t) => splits(Buffer.from(t, 'latin1')))
    fc.assert(
      fc.property(cut, (pieces) => {
        expect(parsePieces(pieces)).toEqual(parsePieces([Buffer.concat(pieces)]))
      }),
    )
  })
})
