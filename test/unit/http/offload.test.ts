import { describe, expect, it } from 'vitest'
import { internalPath, sentRange } from '../../../src/http/offload.ts'

describe('what a report says was sent', () => {
  const asked = { start: 100, end: 200 }
  const range = { start: 100, end: 200, size: 1000 }

  it.each([
    ['all of a range', { status: 206, bytes: 100, range }, { start: 100, end: 200 }],
    ['the beginning of a range', { status: 206, bytes: 30, range }, { start: 100, end: 130 }],
    ['no more than the range', { status: 206, bytes: 999, range }, { start: 100, end: 200 }],
    [
      'the range that was asked, of a 206 that names none',
      { status: 206, bytes: 50 },
      { start: 100, end: 150 },
    ],
    [
      'the whole, of a 200 in answer to a range',
      { status: 200, bytes: 1000 },
      { start: 0, end: 1000 },
    ],
    ['no more than the object', { status: 200, bytes: 5000 }, { start: 0, end: 1000 }],
    ['nothing of an error', { status: 404, bytes: 150 }, { start: 100, end: 100 }],
    ['nothing of a client that went before', { status: 499, bytes: 0 }, { start: 100, end: 100 }],
    ['all that was asked, without a report', undefined, { start: 100, end: 200 }],
  ])('is %s', (_, report, expected) => {
    expect(sentRange(report, asked, 1000)).toEqual(expected)
  })
})

it('an internal path holds each octet of the name', () => {
  expect(internalPath('/internal/', 'a b/ü%2F?#&.bin')).toBe(
    '/internal/a%20b/%C3%BC%252F%3F%23%26.bin',
  )
})
