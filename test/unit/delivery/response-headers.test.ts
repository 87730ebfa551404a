import { validateHeaderName, validateHeaderValue } from 'node:http'
import { parse } from 'content-disposition-v2'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  contentDisposition,
  contentTypeFor,
  corsHeaders,
  objectHeaders,
  preflightHeaders,
  validatorHeaders,
} from '../../../src/delivery/response-headers.ts'
import type { ObjectMeta } from '../../../src/origin/origin.ts'

const EXPOSED =
  'Content-Length, Content-Range, Content-Disposition, Accept-Ranges, ETag, Last-Modified, Retry-After, X-Request-Id'

const META: ObjectMeta = {
  size: 1000,
  etag: '"v1"',
  lastModified: 784_111_777,
  contentType: 'video/mp4',
  contentEncoding: undefined,
  contentLanguage: undefined,
}

function toRecord(flat: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {}
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] ?? ''
    expect(record).not.toHaveProperty(name)
    record[name] = flat[i + 1] ?? ''
  }
  return record
}

describe('contentDisposition', () => {
  it.each([
    ['plain', 'plan.pdf', 'filename="plan.pdf"'],
    ['spaces', 'my plan.pdf', 'filename="my plan.pdf"'],
    ['separators of the header', 'a;b=c,d.pdf', 'filename="a;b=c,d.pdf"'],
    ['quotes', 'a "b".pdf', 'filename="a \\"b\\".pdf"'],
    ['percent signs', '100%41.pdf', 'filename="100%41.pdf"'],
    ['a backslash', 'C:\\dir\\a.pdf', 'filename="C:dira.pdf"'],
    ['slashes', 'dir/a.pdf', 'filename="dira.pdf"'],
    ['a way up', '../../etc/passwd', 'filename="....etcpasswd"'],
    ['CR and LF', 'a\r\nSet-Cookie: x=1.pdf', 'filename="aSet-Cookie: x=1.pdf"'],
    ['NUL, tab and DEL', 'a\0b\tc\x7f.pdf', 'filename="abc.pdf"'],
    ['C1 controls', 'a\x85b\x9f.pdf', 'filename="ab.pdf"'],
    ['a right-to-left override', 'photo\u202egpj.exe', 'filename="photogpj.exe"'],
    ['umlauts', 'Käse Öl.pdf', `filename="Kase Ol.pdf"; filename*=UTF-8''K%C3%A4se%20%C3%96l.pdf`],
    ['umlauts in two code points', 'Ka\u0308se', `filename="Kase"; filename*=UTF-8''Ka%CC%88se`],
    ['sharp s', 'Maß.pdf', `filename="Ma_.pdf"; filename*=UTF-8''Ma%C3%9F.pdf`],
    ['an emoji', '😀.mp4', `filename="_.mp4"; filename*=UTF-8''%F0%9F%98%80.mp4`],
    ['Japanese', '日本.mp4', `filename="__.mp4"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.mp4`],
    [
      'what RFC 8187 has encoded',
      "ä'(1)*.mp4",
      `filename="a'(1)*.mp4"; filename*=UTF-8''%C3%A4%27%281%29%2A.mp4`,
    ],
    ['quotes beside umlauts', 'ä".mp4', `filename="a\\".mp4"; filename*=UTF-8''%C3%A4%22.mp4`],
    ['a lone surrogate', 'a\ud800.mp4', `filename="a_.mp4"; filename*=UTF-8''a%EF%BF%BD.mp4`],
    ['a slash in disguise', '\u2100.mp4', `filename="_.mp4"; filename*=UTF-8''%E2%84%80.mp4`],
  ])('%s', (_, filename, expected) => {
    expect(contentDisposition('attachment', filename)).toBe(`attachment; ${expected}`)
    expect(contentDisposition('inline', filename)).toBe(`inline; ${expected}`)
  })

  it.each(['', '.', '..', '/', '\\', '\r\n', '../..'])('%j leaves no name to send', (filename) => {
    expect(contentDisposition('attachment', filename)).toBe('attachment')
  })

  it('a name too long to be remembered is formatted alike', () => {
    const name = `${'ä'.repeat(300)}.mp4`
    expect(parse(contentDisposition('inline', name)).parameters['filename']).toBe(name)
  })

  it('any name is a valid field that reads back as the name without separators and controls', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (filename) => {
        const field = contentDisposition('attachment', filename)
        expect(field).toMatch(/^[\x20-\x7e]+$/)
        const { type, parameters } = parse(field)
        expect(type).toBe('attachment')
        const name = parameters['filename'] ?? ''
        expect(name).not.toMatch(/[/\\\p{Cc}]/u)
        const kept = [...filename.toWellFormed()].filter(
          (c) => !/[/\\\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(c),
        )
        if (parameters['filename'] !== undefined) expect(name).toBe(kept.join(''))
        else expect(kept.join('')).toMatch(/^\.*$/)
      }),
      { numRuns: 500 },
    )
  })

  it('the ASCII fallback holds no separator either', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (filename) => {
        const field = contentDisposition('attachment', filename)
        const fallback = parse(field, { extended: false }).parameters['filename'] ?? ''
        expect(fallback).toMatch(/^[\x20-\x7e]*$/)
        expect(fallback).not.toMatch(/[/\\]/)
      }),
    )
  })
})

describe('contentTypeFor', () => {
  it.each([
    ['a.mp4', 'video/mp4'],
    ['a.webm', 'video/webm'],
    ['a.mov', 'video/quicktime'],
    ['a.flv', 'video/x-flv'],
    ['a.m4a', 'audio/mp4'],
    ['A.MP4', 'video/mp4'],
    ['dir.d/a.b.mp4', 'video/mp4'],
    ['a.txt', 'text/plain; charset=utf-8'],
    ['a.json', 'application/json'],
    ['a', 'application/octet-stream'],
    ['mp4', 'application/octet-stream'],
    ['.mp4', 'application/octet-stream'],
    ['dir/.mp4', 'application/octet-stream'],
    ['dir.mp4/a', 'application/octet-stream'],
    ['a.', 'application/octet-stream'],
    ['', 'application/octet-stream'],
    ['a.nosuchtype', 'application/octet-stream'],
    ['a.constructor', 'application/octet-stream'],
    ['a.__proto__', 'application/octet-stream'],
    [`a.${'x'.repeat(10_000)}`, 'application/octet-stream'],
  ])('%s', (name, type) => {
    expect(contentTypeFor(name)).toBe(type)
  })
})

describe('objectHeaders', () => {
  it('a plain object has all of its headers', () => {
    expect(toRecord(objectHeaders(META, 'video/mp4', 'inline'))).toEqual({
      'Accept-Ranges': 'bytes',
      ETag: '"v1"',
      'Last-Modified': 'Sun, 06 Nov 1994 08:49:37 GMT',
      'Content-Type': 'video/mp4',
      'Content-Disposition': 'inline',
      'Cache-Control': 'private, no-store',
      'Referrer-Policy': 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
    })
  })

  it('the encoding and language of the origin are passed on', () => {
    const meta = { ...META, contentEncoding: 'gzip', contentLanguage: 'de' }
    expect(toRecord(objectHeaders(meta, 'text/plain', 'inline'))).toMatchObject({
      'Content-Encoding': 'gzip',
      'Content-Language': 'de',
    })
  })

  it('an object without validators sends none', () => {
    const meta = { ...META, etag: undefined, lastModified: undefined }
    const headers = toRecord(objectHeaders(meta, 'text/plain', 'inline'))
    expect(headers).not.toHaveProperty('ETag')
    expect(headers).not.toHaveProperty('Last-Modified')
  })

  it('an object of unknown size offers no ranges', () => {
    const headers = toRecord(objectHeaders({ ...META, size: undefined }, 'a/b', 'inline'))
    expect(headers['Accept-Ranges']).toBe('none')
  })

  it('each call gives an array of its own', () => {
    objectHeaders(META, 'a/b', 'inline').push('X-Request-Id', '1')
    expect(objectHeaders(META, 'a/b', 'inline')).not.toContain('X-Request-Id')
  })

  it('a 304 keeps the validators and leaves the description of the body out', () => {
    expect(Object.keys(toRecord(validatorHeaders(META))).sort()).toEqual([
      'Cache-Control',
      'ETag',
      'Last-Modified',
      'Referrer-Policy',
      'X-Content-Type-Options',
    ])
  })
})

describe('CORS', () => {
  const any = { 'Access-Control-Allow-Origin': '*' }
  const listed = {
    'Access-Control-Allow-Origin': 'https://app.example',
    'Access-Control-Allow-Credentials': 'true',
    Vary: 'Origin',
  }
  const exposed = { 'Access-Control-Expose-Headers': EXPOSED }
  const preflight = {
    'Access-Control-Allow-Methods': 'GET, HEAD',
    'Access-Control-Allow-Headers':
      'Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, Authorization',
    'Access-Control-Max-Age': '86400',
  }

  it.each([
    ['an asterisk, an origin', ['*'], 'https://a.example', any],
    ['an asterisk, no origin', ['*'], undefined, any],
    ['an asterisk among others', ['https://app.example', '*'], 'https://app.example', any],
    [
      'a listed origin',
      ['https://b.example', 'https://app.example'],
      'https://app.example',
      listed,
    ],
  ])('%s', (_, allowed, origin, expected) => {
    expect(toRecord(corsHeaders(allowed, origin))).toEqual({ ...expected, ...exposed })
    expect(toRecord(preflightHeaders(allowed, origin))).toEqual({ ...expected, ...preflight })
  })

  it.each([
    'https://evil.example',
    'https://app.example.evil.example',
    'https://app.example:8443',
    'http://app.example',
    'HTTPS://APP.EXAMPLE',
    'https://app.example, https://evil.example',
    'null',
    '',
  ])('an origin that is not listed gets no permission: %j', (origin) => {
    for (const headers of [corsHeaders, preflightHeaders]) {
      expect(toRecord(headers(['https://app.example'], origin))).toEqual({ Vary: 'Origin' })
    }
  })

  it('a list without an asterisk says nothing to a request without an origin', () => {
    expect(corsHeaders(['https://app.example'], undefined)).toEqual([])
    expect(preflightHeaders(['https://app.example'], undefined)).toEqual([])
  })

  it('an empty list says nothing', () => {
    expect(corsHeaders([], 'https://app.example')).toEqual([])
    expect(corsHeaders([], undefined)).toEqual([])
  })
})

it('Node sends every header as it is', () => {
  const flat = [
    ...objectHeaders(META, 'video/mp4', contentDisposition('attachment', 'Käse\r\n😀.mp4')),
    ...corsHeaders(['*'], undefined),
    ...preflightHeaders(['https://a.example'], 'https://a.example'),
  ]
  for (let i = 0; i < flat.length; i += 2) {
    validateHeaderName(flat[i] ?? '')
    validateHeaderValue(flat[i] ?? '', flat[i + 1] ?? '')
  }
  expect(flat.length % 2).toBe(0)
})
