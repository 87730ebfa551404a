import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodePath, fixedFields, requestText } from '../../../../src/origin/http/request-text.ts'

describe('encodePath', () => {
  it.each([
    ['a/b.mp4', 'a/b.mp4'],
    ["A-z_0.9~/!$&'()*+,;=:@", "A-z_0.9~/!$&'()*+,;=:@"],
    ['a b%c?d#e', 'a%20b%25c%3Fd%23e'],
    ['ü @+"<>\\^`{|}[]', '%C3%BC%20@+%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D'],
    ['line\r\nbreak', 'line%0D%0Abreak'],
  ])('%j becomes %s', (name, path) => {
    expect(encodePath(name)).toBe(path)
  })

  it.each(['', '..', 'a/../b', './a', 'a/.', '\0', '\ud800'])('%j has no path', (name) => {
    expect(encodePath(name)).toBeUndefined()
  })

  it('decodes to the name, and holds nothing that could end the request line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        const path = encodePath(name)
        if (path === undefined) return
        expect(decodeURIComponent(path)).toBe(name)
        expect(path).toMatch(/^[\x21-\x7e]*$/)
        expect(path).not.toMatch(/[?#]/)
      }),
    )
  })
})

describe('requestText', () => {
  it("holds the gateway's own fields and the configured ones", () => {
    const fields = fixedFields('origin.test:8080', {
      Authorization: 'Bearer x',
      'user-agent': 'mine',
    })
    const text = requestText('GET', '/a', fields, {
      range: { first: 0, last: 9 },
      ifMatch: '"e"',
      ifRange: '"e"',
    })
    expect(text.split('\r\n')).toEqual([
      'GET /a HTTP/1.1',
      'Host: origin.test:8080',
      'user-agent: mine',
      'Authorization: Bearer x',
      'Accept-Encoding: identity',
      'Range: bytes=0-9',
      'If-Match: "e"',
      'If-Range: "e"',
      '',
      '',
    ])
  })

  it.each([
    { 'a b': 'x' },
    { Range: 'bytes=0-1' },
    { connection: 'close' },
    { 'transfer-encoding': 'chunked' },
    { a: 'b\r\nc' },
  ])('the configured field %j is refused', (headers) => {
    expect(() => fixedFields('origin.test', headers)).toThrow(TypeError)
  })

  it('a refused value is not in the message', () => {
    expect(() => fixedFields('origin.test', { authorization: 'secret\n' })).toThrow(/^(?!.*secret)/)
  })
})
