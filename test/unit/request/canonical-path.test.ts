import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalisePath, encodePath } from '../../../src/request/canonical-path.ts'

describe('a hostile path is refused', () => {
  it.each([
    [
      'a dot segment',
      ['/.', '/..', '/./a', '/../a', '/a/.', '/a/..', '/a/./b', '/a/../b', '/a/b/../../c'],
    ],
    ['an encoded dot segment', ['/%2e', '/%2E%2e/a', '/a/.%2e/b', '/a/%2e./b', '/a/%2e', '/%2e/a']],
    [
      'a dot segment with a parameter',
      ['/..;/a', '/a/..;x=y/b', '/a/.;', '/a/..;', '/a/..%3b/b', '/a/%2e%2e;x', '/a/%2e%3Bx/b'],
    ],
    ['an empty segment', ['//', '//a', '/a//b', '/a/b//', '///']],
    ['a trailing slash or an empty name', ['/', '/a/', '/a/b/']],
    ['an encoded slash', ['/a%2fb', '/a%2Fb', '/%2f', '/%2fa', '/a/..%2fb', '/a/%2e%2e%2fb']],
    ['an encoded backslash', ['/a%5cb', '/a%5Cb', '/..%5c', '/%5c']],
    ['a backslash', ['/a\\b', '/..\\a', '\\', '/\\']],
    [
      'NUL or a control byte, encoded',
      ['/a%00', '/%00', '/a%0a', '/a%0D%0A', '/a%1f', '/a%09', '/a%7f', '/a%7F'],
    ],
    [
      'a raw control byte, space or non-ASCII byte',
      ['/a b', '/a\tb', '/a\0', '/a\n', '/a\x7f', '/\u00fc', '/a\u00a0', '/日'],
    ],
    [
      'double encoding',
      [
        '/%252e%252e/a',
        '/a%252fb',
        '/a%2500',
        '/%25%32%65',
        '/a%25%32f',
        '/a%25ff',
        '/a%2525',
        '/a%25AA',
      ],
    ],
    [
      'a broken percent sequence',
      ['/%', '/a%', '/a%2', '/a%zz', '/a%g0', '/a%%', '/a% 20', '/a%u0041', '/a%-1'],
    ],
    [
      'broken UTF-8',
      [
        '/%ff',
        '/%c0%af',
        '/%c0%ae%c0%ae',
        '/%e0%80%af',
        '/%ed%a0%80',
        '/%f5%80%80%80',
        '/%80',
        '/%c3',
        '/%c3a',
      ],
    ],
    ['a query or fragment mark', ['/a?b', '/a#b']],
    ['no slash in front', ['', 'a', 'http://x/a', '*', '?', '%2fa']],
  ])('%s', (_what, paths) => {
    for (const path of paths) {
      const result = canonicalisePath(path)
      expect({ path, ...result }).toMatchObject({
        path,
        ok: false,
        why: expect.stringMatching(/^the path /) as string,
      })
    }
  })
})

describe('a plain path is decoded exactly once', () => {
  it.each([
    ['/a', '/a'],
    ['/files/a.mp4', '/files/a.mp4'],
    ['/a%20b', '/a b'],
    ['/%C3%BC/%e6%97%a5', '/ü/日'],
    ['/%F0%9F%8E%AC', '/🎬'],
    ['/a%25', '/a%'],
    ['/100%25-x', '/100%-x'],
    ['/a%25zz', '/a%zz'],
    ['/a+b', '/a+b'],
    ['/a%3Fb%23c', '/a?b#c'],
    ['/...', '/...'],
    ['/..a/.b/c..', '/..a/.b/c..'],
    ['/a;b=c/d', '/a;b=c/d'],
    ['/a..;b', '/a..;b'],
    ['/~user', '/~user'],
    ["/!$&'()*+,;=:@-._~", "/!$&'()*+,;=:@-._~"],
    ['/%41', '/A'],
  ])('%s is %s', (raw, path) => {
    expect(canonicalisePath(raw)).toEqual({ ok: true, path })
  })
})

const rawPath = fc
  .array(
    fc.constantFrom(
      '/',
      '.',
      '..',
      ';',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '\\',
      '%',
      '%25',
      '%32',
      '65',
      '2e',
      '%00',
      '%c3',
      '%bc',
      'a',
      'b',
      '%61',
      ' ',
      '\0',
      '\u00fc',
      '%7f',
      '?',
      '#',
      '//',
    ),
    { maxLength: 12 },
  )
  .map((parts) => `/${parts.join('')}`)

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter(
    (text) =>
      text.isWellFormed() &&
      !/[/\\\p{Cc}]|%[0-9a-f]{2}/iu.test(text) &&
      !/^\.\.?(?:;|$)/.test(text),
  )
const plainPath = fc
  .array(name, { minLength: 1, maxLength: 5 })
  .map((names) => `/${names.join('/')}`)

it('nothing accepted holds a dot segment, backslash, control byte, double slash or a percent sequence', () => {
  let accepted = 0
  fc.assert(
    fc.property(rawPath, (raw) => {
      const result = canonicalisePath(raw)
      if (!result.ok) return
      accepted++
      const { path } = result
      expect(path).toMatch(/^\/[^/]/)
      expect(path.endsWith('/')).toBe(false)
      expect(path).not.toMatch(/\/\/|\\|\p{Cc}/u)
      expect(path).not.toMatch(/%[0-9a-f]{2}/i)
      for (const segment of path.split('/')) expect(segment.split(';')[0]).not.toMatch(/^\.\.?$/)
    }),
    { numRuns: 20_000 },
  )
  expect(accepted).toBeGreaterThan(100)
})

it('decoding is done: what comes out would decode to itself or not at all', () => {
  fc.assert(
    fc.property(rawPath, (raw) => {
      const result = canonicalisePath(raw)
      if (!result.ok) return
      let again: string | undefined
      try {
        again = decodeURIComponent(result.path)
      } catch {
        return
      }
      expect(again).toBe(result.path)
    }),
    { numRuns: 5000 },
  )
})

it('a path that is encoded comes back as it was', () => {
  fc.assert(
    fc.property(plainPath, (path) => {
      expect(canonicalisePath(encodePath(path))).toEqual({ ok: true, path })
    }),
    { numRuns: 3000 },
  )
})

it('encoding leaves unreserved and sub-delims alone and encodes the rest', () => {
  expect(encodePath("/a-._~!$&'()*+,;=:@/b")).toBe("/a-._~!$&'()*+,;=:@/b")
  expect(encodePath('/a b?#%"ü[]')).toBe('/a%20b%3F%23%25%22%C3%BC%5B%5D')
})
