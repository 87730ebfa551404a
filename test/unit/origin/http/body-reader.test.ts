import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GatewayError } from '../../../../src/base/failure.ts'
import { BodyReader } from '../../../../src/origin/http/body-reader.ts'
import type { Framing } from '../../../../src/origin/http/response-fields.ts'

interface Outcome {
  data: string
  end: 'done' | 'open' | 'refused'
  rest: string
}

function decode(pieces: readonly Buffer[], framing: Framing = 'chunked', length = 0): Outcome {
  const body = new BodyReader()
  body.begin(framing, length)
  let data = ''
  let rest = ''
  try {
    for (const piece of pieces) {
      let at = 0
      while (at < piece.length && !body.isDone) {
        at = body.read(piece, at, piece.length)
        data += piece.toString('latin1', body.dataStart, body.dataEnd)
      }
      rest += piece.toString('latin1', at)
    }
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'ERR_ORIGIN_RESPONSE')
      return { data, end: 'refused', rest: '' }
    throw error
  }
  return { data, end: body.isDone ? 'done' : 'open', rest }
}

const bytes = (text: string): Buffer[] => [Buffer.from(text, 'latin1')]

function splits(text: string): fc.Arbitrary<Buffer[]> {
  const whole = Buffer.from(text, 'latin1')
  return fc.array(fc.nat(whole.length), { maxLength: 20 }).map((cuts) => {
    const sorted = [0, ...cuts.sort((a, b) => a - b), whole.length]
    return sorted.slice(1).map((end, i) => whole.subarray(sorted[i], end))
  })
}

describe('BodyReader', () => {
  it('a counted body ends at its length', () => {
    expect(decode(bytes('0123456789'), 'length', 4)).toEqual({
      data: '0123',
      end: 'done',
      rest: '456789',
    })
    expect(decode(bytes('012'), 'length', 4)).toEqual({ data: '012', end: 'open', rest: '' })
    expect(decode(bytes('012'), 'length', 0)).toEqual({ data: '', end: 'done', rest: '012' })
  })

  it('a close-delimited body takes all', () => {
    expect(decode(bytes('012'), 'close')).toEqual({ data: '012', end: 'open', rest: '' })
  })

  it.each([
    ['0\r\n\r\nX', ''],
    ['5\r\nhello\r\n0\r\n\r\nX', 'hello'],
    ['0005\r\nhello\r\n1\r\n!\r\n000\r\n\r\nX', 'hello!'],
    ['A;name=value;b="c"\r\n0123456789\r\n0;last\r\n\r\nX', '0123456789'],
    ['1\r\na\r\n0\r\nTrailer: x\r\nAnother: y\r\n\r\nX', 'a'],
  ])('%j is a chunked body', (text, data) => {
    expect(decode(bytes(text))).toEqual({ data, end: 'done', rest: 'X' })
  })

  it.each([
    ['no size', '\r\nhello\r\n0\r\n\r\n'],
    ['a sign', '+5\r\nhello\r\n'],
    ['0x', '0x5\r\nhello\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n'],
    ['a blank after the size', '5 \r\nhello\r\n'],
    ['an extension without a size', ';a\r\n'],
    ['a bare LF after the size', '5\nhello\r\n'],
    ['a bare CR after the size', '5\rhello\r\n'],
    ['a bare LF in an extension', '5;a\nhello\r\n'],
    ['NUL in an extension', '5;\0\r\nhello\r\n'],
    ['data longer than its size', '5\r\nhello!\r\n'],
    ['data without CRLF', '5\r\nhello0\r\n\r\n'],
    ['data ended by a bare LF', '5\r\nhello\n0\r\n\r\n'],
    ['a size of 13 digits', '0000000000005\r\nhello\r\n'],
    ['a bare LF as the end', '0\r\n\n'],
    ['a bare LF in the trailers', '0\r\nA: b\n\r\n'],
    ['a large extension', `5;${'a'.repeat(16 * 1024 + 1)}\r\nhello`],
    ['many small extensions', `1;${'a'.repeat(100)}\r\nx\r\n`.repeat(200)],
    ['large trailers', `0\r\n${'A: b\r\n'.repeat(5000)}\r\n`],
  ])('a chunked body with %s is refused', (_, text) => {
    expect(decode(bytes(text)).end).toBe('refused')
  })

  it('any split decodes to the same data', () => {
    const chunk = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' })
    const encoded = fc.array(chunk, { maxLength: 6 }).map((chunks) => {
      const body = chunks.map((data) => `${data.length.toString(16)};e=1\r\n${data}\r\n`).join('')
      return { text: `${body}0\r\nT: u\r\n\r\nrest`, data: chunks.join('') }
    })
    fc.assert(
      fc.property(
        encoded.chain(({ text, data }) => fc.tuple(splits(text), fc.constant(data))),
        ([pieces, data]) => {
          expect(decode(pieces)).toEqual({ data, end: 'done', rest: 'rest' })
        },
      ),
    )
  })

  it('any bytes end, are refused, or stay open, however they are cut', () => {
    const part = fc.constantFrom('0', '5', 'a', '\r\n', '\r', '\n', ';', 'hello', ' ', '\0')
    const text = fc.array(part, { maxLength: 20 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text.chain(splits), (pieces) => {
        expect(decode(pieces)).toEqual(decode([Buffer.concat(pieces)]))
      }),
    )
  })
})
