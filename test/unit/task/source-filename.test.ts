import { describe, expect, test } from 'vitest'
import type { ResponseHead } from '../../../src/origin/http/response-fields.ts'
import { renamed, sourceFilename, stemOf } from '../../../src/task/source-filename.ts'

const HEAD: ResponseHead = {
  status: 200,
  framing: 'length',
  contentLength: 1,
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

function named(path: string, head: Partial<ResponseHead> = {}): string {
  return sourceFilename({ ...HEAD, ...head }, new URL(path, 'http://source.example'))
}

const given = (filename: string): Partial<ResponseHead> => ({
  contentDisposition: `attachment; filename="${filename}"`,
})

describe('the name of a fetched file', () => {
  test('is the one that the source gives, before the one of its URL', () => {
    expect(named('/x/y.bin', given('film.mp4'))).toBe('film.mp4')
    expect(named('/x/y.bin?name=z')).toBe('y.bin')
    expect(named('/x/%C3%A9t%C3%A9.mp4')).toBe('été.mp4')
    expect(named('/')).toBe('download')
  })

  test.each([
    ['../../etc/passwd', 'passwd'],
    ['/etc/passwd', 'passwd'],
    ['C:\\\\Windows\\\\a.exe', 'a.exe'],
    ['a\u0000b.mp4', 'ab.mp4'],
    ['a\tb.mp4', 'ab.mp4'],
  ])('is no path and holds no control characters: %j', (filename, expected) => {
    expect(named('/url.bin', given(filename))).toBe(expected)
  })

  test.each(['..', '.', '', '/', ' ', '.sluice-part-x'])(
    'is not %j, which is no name of a file here',
    (filename) => {
      expect(named('/url.bin', given(filename))).toBe('url.bin')
    },
  )

  test('is not a path that hides in an escape', () => {
    expect(named('/a/..%2f..%2fpasswd')).toBe('passwd')
    expect(named('/a/%')).toBe('%')
  })

  test('cannot be read backwards', () => {
    const field = `attachment; filename*=UTF-8''${encodeURIComponent('exe.\u202egpj.exe')}`
    expect(named('/', { contentDisposition: field })).toBe('exe.gpj.exe')
  })

  test('gets the extension of its media type where it has none', () => {
    expect(named('/watch', { contentType: 'video/mp4' })).toBe('watch.mp4')
    expect(named('/page', { contentType: 'text/html; charset=utf-8' })).toBe('page.html')
    expect(named('/a.bin', { contentType: 'video/mp4' })).toBe('a.bin')
    expect(named('/a', { contentType: 'application/octet-stream' })).toBe('a')
    expect(named('/a', { contentType: 'x/unknown' })).toBe('a')
  })

  test('has at most 200 bytes, whole characters, and keeps its extension', () => {
    const name = named(`/${encodeURIComponent('é'.repeat(300))}.mp4`)
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200)
    expect(name).toMatch(/^é+\.mp4$/)
  })
})

test('a converted file keeps the stem of its name', () => {
  expect(renamed('film.mkv', '', 'mp4')).toBe('film.mp4')
  expect(renamed('film.mkv', '-144p', 'mp4')).toBe('film-144p.mp4')
  expect(renamed('film', '', 'm4a')).toBe('film.m4a')
  expect(stemOf('a.b.mp4')).toBe('a.b')
  expect(stemOf('.hidden')).toBe('.hidden')
})
