import { expect, it } from 'vitest'
import { isHostilePath } from '../../../src/link/hostile-path.ts'

it.each([
  '/a/../b',
  '/a/./b',
  '/a/..',
  '/.',
  '/a/%2e%2e/b',
  '/a/.%2E/b',
  '/a/..;x/b',
  '/a%2fb',
  '/a%5Cb',
  '/a\\b',
  '/a%00',
])('%s could mean another path', (path) => {
  expect(isHostilePath(path)).toBe(true)
})

it.each(['/', '/a/b.mp4', '/a/...', '/.well-known/x', '/a..b/..c', '/a%20b', '/a/'])(
  '%s means itself',
  (path) => {
    expect(isHostilePath(path)).toBe(false)
  },
)
