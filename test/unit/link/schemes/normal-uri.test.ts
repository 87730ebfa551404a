import { describe, expect, it } from 'vitest'
import { hasDotSegments, normaliseUri } from '../../../../src/link/schemes/normal-uri.ts'

const SITE = { scheme: 'https', host: 'cdn.example' } as const

describe('the normal form of a URI (RFC 3986 section 6.2.2)', () => {
  it.each([
    ['/a', '/a'],
    ['', '/'],
    ['/%7Ea/%62', '/~a/b'],
    ['/%c3%bc', '/%C3%BC'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/../../a', '/a'],
    ['/a/%2e%2E/b', '/b'],
    ['/a//b', '/a//b'],
    ['/a/...', '/a/...'],
    ['/a%252e', '/a%252e'],
  ])('%s is %s', (rawPath, normal) => {
    expect(normaliseUri(SITE, { rawPath, rawQuery: undefined })).toBe(
      `https://cdn.example${normal}`,
    )
  })

  it('keeps the query in its order, with normal octets', () => {
    expect(normaliseUri(SITE, { rawPath: '/a', rawQuery: 'b=%7e&a=../%2f' })).toBe(
      'https://cdn.example/a?b=~&a=../%2F',
    )
    expect(normaliseUri(SITE, { rawPath: '/a', rawQuery: '' })).toBe('https://cdn.example/a?')
  })

  it.each(['/a%2fb', '/a%2Fb', '/a%5cb', '/a\\b', '/a%00', '/a%', '/a%4', '/ü', '/a b', 'a'])(
    '%s has none',
    (rawPath) => {
      expect(normaliseUri(SITE, { rawPath, rawQuery: undefined })).toBeUndefined()
    },
  )

  it.each([
    ['/a/../b', true],
    ['/a/.', true],
    ['/.a/..b', false],
    ['/a...', false],
  ])('%s: a dot segment is %s', (path, has) => {
    expect(hasDotSegments(path)).toBe(has)
  })
})
