import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatHttpDate, parseHttpDate } from '../../../src/delivery/http-date.ts'

const NOW = Date.UTC(2025, 10, 21) / 1000
const RFC_EXAMPLE = 784_111_777

describe('parseHttpDate', () => {
  it.each([
    ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ['RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT'],
    ['asctime', 'Sun Nov  6 08:49:37 1994'],
  ])('the example of the RFC as %s', (_, text) => {
    expect(parseHttpDate(text, NOW)).toBe(RFC_EXAMPLE)
  })

  it.each([
    ['a leap day', 'Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    [
      'a leap day in a year that 400 divides',
      'Tue, 29 Feb 2000 12:00:00 GMT',
      Date.UTC(2000, 1, 29, 12),
    ],
    ['a leap second', 'Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['the epoch', 'Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['before the epoch', 'Wed, 31 Dec 1969 23:59:59 GMT', -1000],
    [
      'the first century',
      'Sat, 01 Jan 0050 00:00:00 GMT',
      new Date('0050-01-01T00:00:00Z').getTime(),
    ],
    ['the last year', 'Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
    ['the wrong name of the day', 'Mon, 06 Nov 1994 08:49:37 GMT', RFC_EXAMPLE * 1000],
    ['asctime with two digits', 'Wed Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
  ])('%s', (_, text, milliseconds) => {
    expect(parseHttpDate(text, NOW)).toBe(milliseconds / 1000)
  })

  it.each([
    ['this year', 'Friday, 21-Nov-25 00:00:00 GMT', 2025],
    ['49 years ahead', 'Wednesday, 21-Nov-74 00:00:00 GMT', 2074],
    ['more than 50 years ahead is past', 'Saturday, 21-Nov-76 00:00:00 GMT', 1976],
    ['a month more than 50 years ahead is past', 'Saturday, 21-Dec-75 00:00:00 GMT', 1975],
    ['the turn of the century', 'Saturday, 01-Jan-00 00:00:00 GMT', 2000],
  ])('a two-digit year: %s', (_, text, year) => {
    expect(new Date((parseHttpDate(text, NOW) ?? NaN) * 1000).getUTCFullYear()).toBe(year)
  })

  it.each([
    '',
    'yesterday',
    '0',
    '784111777',
    '1994-11-06T08:49:37Z',
    'sun, 06 nov 1994 08:49:37 gmt',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06 Nov 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 29 Feb 2023 08:49:37 GMT',
    'Sun, 29 Feb 1900 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov 06 08:49:37 1994 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ])('%j is no date', (text) => {
    expect(parseHttpDate(text, NOW)).toBeUndefined()
  })

  it('what is formatted is parsed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (instant) => {
        expect(parseHttpDate(formatHttpDate(instant), NOW)).toBe(instant)
      }),
    )
  })

  it('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseHttpDate(text, NOW)).toBeUndefined()
      }),
    )
  })
})

it('an instant is formatted as IMF-fixdate, again and again', () => {
  for (let round = 0; round < 3; round++) {
    expect(formatHttpDate(RFC_EXAMPLE)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
    expect(formatHttpDate(RFC_EXAMPLE + 1)).toBe('Sun, 06 Nov 1994 08:49:38 GMT')
  }
})
