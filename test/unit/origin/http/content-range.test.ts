import { describe, expect, it } from 'vitest'
import {
  formatRange,
  isAnswerTo,
  parseContentRange,
  parseUnsatisfiedRange,
} from '../../../../src/origin/http/content-range.ts'

describe('Content-Range', () => {
  it('is parsed strictly', () => {
    expect(parseContentRange('bytes 0-9/10')).toEqual({ first: 0, last: 9, size: 10 })
    expect(parseContentRange('bytes 0-9/*')).toEqual({ first: 0, last: 9, size: undefined })
  })

  it.each([
    'bytes 0-10/10',
    'bytes 9-0/10',
    'bytes=0-9/10',
    'bytes 0-9',
    'bytes -9/10',
    'items 0-9/10',
    'bytes 0-9/10 ',
    '',
  ])('%j is refused', (text) => {
    expect(parseContentRange(text)).toBeUndefined()
  })

  it('tells the size of an object whose range was not satisfiable', () => {
    expect(parseUnsatisfiedRange('bytes */10')).toBe(10)
    expect(parseUnsatisfiedRange('bytes */*')).toBeUndefined()
    expect(parseUnsatisfiedRange(undefined)).toBeUndefined()
  })

  it.each([
    [{ first: 2, last: 5 }, '2-5/10', true],
    [{ first: 2, last: 50 }, '2-9/10', true],
    [{ first: 2, last: undefined }, '2-9/10', true],
    [{ suffix: 3 }, '7-9/10', true],
    [{ suffix: 30 }, '0-9/10', true],
    [{ first: 2, last: 5 }, '2-5/*', true],
    [{ first: 2, last: 5 }, '2-6/10', false],
    [{ first: 2, last: 5 }, '2-4/10', false],
    [{ first: 2, last: 5 }, '1-5/10', false],
    [{ first: 2, last: undefined }, '2-8/10', false],
    [{ suffix: 3 }, '6-9/10', false],
    [{ suffix: 3 }, '7-9/*', false],
  ])('%j answered with %s: %s', (hint, text, expected) => {
    const answer = parseContentRange(`bytes ${text}`)
    expect(answer && isAnswerTo(hint, answer)).toBe(expected)
  })

  it('the Range field is written', () => {
    expect(formatRange({ first: 0, last: 9 })).toBe('bytes=0-9')
    expect(formatRange({ first: 5, last: undefined })).toBe('bytes=5-')
    expect(formatRange({ suffix: 5 })).toBe('bytes=-5')
  })
})
