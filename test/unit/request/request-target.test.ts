import { describe, expect, it } from 'vitest'
import { cutTarget } from '../../../src/request/request-target.ts'

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
    ['http://host', '/', undefined],
    ['http://host?a/b', '/', 'a/b'],
  ])('%s', (target, rawPath, rawQuery) => {
    expect(cutTarget(target)).toEqual({ rawPath, rawQuery })
  })

  it.each([
    '',
    '*',
    'host:443',
    'http://',
    'http:///a',
    'http://host#a',
    'ftp://host/a',
    'a/b',
    '?a',
    '#',
    'http:/a',
  ])('refuses %j', (target) => {
    expect(cutTarget(target)).toBeUndefined()
  })
})
