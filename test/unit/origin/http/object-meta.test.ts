import { describe, expect, it } from 'vitest'
import { parseHttpDate } from '../../../../src/origin/http/http-date.ts'
import { isStrongTag, metaFromHead } from '../../../../src/origin/http/object-meta.ts'
import type { ResponseHead } from '../../../../src/origin/http/response-fields.ts'

const HEAD: ResponseHead = {
  status: 200,
  framing: 'length',
  contentLength: 5,
  isPersistent: true,
  keepAliveSeconds: undefined,
  etag: undefined,
  lastModified: undefined,
  contentType: undefined,
  contentEncoding: undefined,
  contentLanguage: undefined,
  contentRange: undefined,
  contentDisposition: undefined,
  location: undefined,
  bucketRegion: undefined,
}

describe('metaFromHead', () => {
  it.each([
    ['"a"', '"a"'],
    ['W/"a"', 'W/"a"'],
    ['""', '""'],
    ['a', undefined],
    ['w/"a"', undefined],
    ['"a"b"', undefined],
    ['"a b"', undefined],
    ['"a", "b"', undefined],
  ])('the tag %j counts as %j', (etag, expected) => {
    expect(metaFromHead({ ...HEAD, etag }, 'x', 5).etag).toBe(expected)
  })

  it('a type that is absent or unprintable comes from the name', () => {
    expect(metaFromHead(HEAD, 'a.mp4', 5).contentType).toBe('video/mp4')
    expect(metaFromHead({ ...HEAD, contentType: 'a\tb' }, 'a.mp4', 5).contentType).toBe('video/mp4')
    expect(metaFromHead({ ...HEAD, contentType: 'x/y' }, 'a.mp4', 5).contentType).toBe('x/y')
  })

  it('identity is no coding, others are told, broken ones are refused', () => {
    expect(
      metaFromHead({ ...HEAD, contentEncoding: 'Identity' }, 'x', 5).contentEncoding,
    ).toBeUndefined()
    expect(metaFromHead({ ...HEAD, contentEncoding: 'gzip' }, 'x', 5).contentEncoding).toBe('gzip')
    expect(() => metaFromHead({ ...HEAD, contentEncoding: 'g\xffip' }, 'x', 5)).toThrow(
      'Content-Encoding',
    )
  })

  it('only a tag without W/ is strong', () => {
    expect([isStrongTag('"a"'), isStrongTag('W/"a"'), isStrongTag(undefined)]).toEqual([
      true,
      false,
      false,
    ])
  })
})

describe('parseHttpDate', () => {
  it('reads an IMF-fixdate', () => {
    expect(parseHttpDate('Tue, 14 Nov 2023 22:13:20 GMT')).toBe(1_700_000_000)
  })

  it.each([
    'Mon, 14 Nov 2023 22:13:20 GMT',
    'Tuesday, 14-Nov-23 22:13:20 GMT',
    'Tue Nov 14 22:13:20 2023',
    '2023-11-14T22:13:20Z',
    'Tue, 14 Nov 2023 22:13:20 +0000',
    'Thu, 31 Nov 2023 22:13:20 GMT',
    '',
  ])('%j is no date', (text) => {
    expect(parseHttpDate(text)).toBeUndefined()
  })
})
