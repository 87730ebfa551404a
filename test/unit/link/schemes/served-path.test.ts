import { expect, it } from 'vitest'
import { plainPath, servedPath } from '../../../../src/link/schemes/served-path.ts'

it.each([
  ['/a/b', '/a/b'],
  ['/a%20b/%C3%BC', '/a b/\u00c3\u00bc'],
  ['/a//b///c', '/a/b/c'],
  ['/a/./b/../c', '/a/c'],
  ['/a/%2e%2E/c', '/c'],
  ['/a%2Fb%2f..%2fc', '/a/c'],
  ['/a/..', '/'],
  ['/a/b/', '/a/b/'],
  ['/a/b/.', '/a/b/'],
  ['/', '/'],
  ['//', '/'],
  ['/a%3Fb%23%25', '/a?b#%'],
  ['/%2561', '/%61'],
  ['/a/...', '/a/...'],
])('%s is served as %s', (raw, served) => {
  expect(servedPath(raw)).toBe(served)
})

it.each(['', 'a', '/..', '/a/../..', '/%2e%2e/a', '/%', '/%4', '/%zz', '/a%00', '/a b', '/\u00fc'])(
  '%j is served by nobody',
  (raw) => {
    expect(servedPath(raw)).toBeUndefined()
  },
)

it('a path in plain text is what it spells, or what was sent where it spells nothing', () => {
  expect(plainPath('/a%20%C3%BC')).toBe('/a ü')
  expect(plainPath('/%ff')).toBe('/%ff')
  expect(plainPath('/%zz')).toBe('/%zz')
})
