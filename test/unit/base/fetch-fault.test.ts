import { expect, it } from 'vitest'
import { fetchFault } from '../../../src/base/fetch-fault.ts'

it.each<[string, unknown, string]>([
  [
    'the cause of a failed fetch',
    new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 192.0.2.1:443') }),
    'connect ECONNREFUSED 192.0.2.1:443',
  ],
  ['an error of its own', new Error('more than 3 redirects'), 'more than 3 redirects'],
  ['the time that is over', new DOMException('', 'TimeoutError'), 'no whole answer within 10 s'],
  ['what is no error', 'odd', 'odd'],
])('names %s', (_what, error, said) => {
  expect(fetchFault(error, 10_000)).toBe(said)
})
