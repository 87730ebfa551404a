import { describe, expect, it } from 'vitest'
import { cutTarget, withPathToken } from '../../../src/request/request-target.ts'

describe('cutTarget', () => {
  it.each([
    ['/a', '/a', undefined],
    ['/a?', '/a', ''],
    ['/a?b=c', '/a', 'b=c'],
    ['/a?b?c', '/a', 'b?c'],
    ['/a%3Fb?c', '/a%3Fb', 'c'],
    ['/?a', '/', 'a'],
    ['//host/a', '//host/a', undefined],
    ['/http://x/a', '/http://x/a', undefined],
    ['http://host/a?b', '/a', 'b'],
    ['HTTPS://host:8443/a', '/a', undefined],
    ['http://user@host/', '/', undefined],
  ])('%s', (target, rawPath, rawQuery) => {
    expect(cutTarget(target)).toEqual({ rawPath, rawQuery, pathToken: undefined })
  })

  it.each([
    '',
    '*',
    'host:443',
    'http://',
    'http:///a',
    'http://host',
    'http://host?a',
    'ftp://host/a',
    'a/b',
    '?a',
    '#',
    'http:/a',
  ])('refuses %j', (target) => {
    expect(cutTarget(target)).toBeUndefined()
  })
})

describe('a path token', () => {
  const cut = (text: string): ReturnType<typeof withPathToken> => withPathToken(cutTarget(text)!)

  it('is the first segment behind a tilde', () => {
    expect(cut('/~tok.en-1/files/a?b=c')).toEqual({
      rawPath: '/files/a',
      rawQuery: 'b=c',
      pathToken: 'tok.en-1',
    })
    expect(cut('/~/files/a')).toMatchObject({ pathToken: '', rawPath: '/files/a' })
    expect(cut('/~t/')).toMatchObject({ pathToken: 't', rawPath: '/' })
    expect(cut('http://host/~t/a')).toMatchObject({ pathToken: 't', rawPath: '/a' })
  })

  it.each(['/files/~token/a', '/~token', '/%7Etoken/a', '//~token/a', '/a/~t/b'])(
    '%s has none',
    (text) => {
      expect(cut(text)).toBeUndefined()
    },
  )

  it('a second one stays in the path', () => {
    expect(cut('/~one/~two/a')).toMatchObject({ pathToken: 'one', rawPath: '/~two/a' })
  })
})
