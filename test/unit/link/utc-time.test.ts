import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatUtcTime, parseUtcTime } from '../../../src/link/utc-time.ts'

const LAST = 253_402_300_799

describe('a time in UTC', () => {
  it('is written in full and read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LAST }), (seconds) => {
        expect(parseUtcTime(formatUtcTime(seconds) ?? '')).toBe(seconds)
      }),
    )
  })

  it.each([
    ['2026-01-31', 1_769_817_600],
    ['2026-01-31T12:00Z', 1_769_860_800],
    ['2026-01-31T12:00:01Z', 1_769_860_801],
    ['2026-01-31T12:00:01.9Z', 1_769_860_801],
    ['2026-01-31T12:00:01.1234567Z', 1_769_860_801],
    ['2024-02-29', 1_709_164_800],
  ])('%s is read', (text, seconds) => {
    expect(parseUtcTime(text)).toBe(seconds)
  })

  it.each([
    '2026-02-29',
    '2026-13-01',
    '2026-01-00',
    '2026-01-31T24:00Z',
    '2026-01-31T12:60Z',
    '2026-01-31T12:00:60Z',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00:00+01:00',
    '2026-01-31T12:00:00.Z',
    '2026-01-31T12:00:00.12345678Z',
    '2026-01-31T12:00.5Z',
    '2026-01-31T12:00:00,5Z',
    '2026-01-31 12:00Z',
    ' 2026-01-31',
    '20260131',
    '1969-12-31',
    '+012026-01-31',
    '',
  ])('%s is none', (text) => {
    expect(parseUtcTime(text)).toBeUndefined()
  })

  it('beyond the year 9999 is not written', () => {
    expect(formatUtcTime(LAST)).toBe('9999-12-31T23:59:59Z')
    expect(formatUtcTime(LAST + 1)).toBeUndefined()
  })
})
