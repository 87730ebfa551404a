import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DECIMAL, HEX, MINUTE_STAMP } from '../../../../src/link/schemes/digest-time.ts'

describe('times of keyed digests', () => {
  it.each([
    ['decimal', DECIMAL, 1],
    ['hex', HEX, 1],
    ['minute stamp', MINUTE_STAMP, 60],
  ] as const)('a %s reads what it wrote', (_what, writing, step) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 250_000_000_000 }), (seconds) => {
        const floor = Math.floor(seconds / step) * step
        expect(writing.read(writing.write(seconds))).toBe(floor)
      }),
    )
  })

  it.each(['', '0', '06955b900', '0x6955b900', '6955b90g', ' 6955b900', '6955b90000000'])(
    '%j is no hex time',
    (text) => {
      expect(HEX.read(text)).toBeUndefined()
    },
  )

  it.each([
    '20260101080',
    '2026010108000',
    '202601010860',
    '202600010800',
    '202606310800',
    '2026-1010800',
  ])('%j is no minute stamp', (text) => {
    expect(MINUTE_STAMP.read(text)).toBeUndefined()
  })

  it('a minute stamp is read in UTC+8', () => {
    expect(MINUTE_STAMP.read('202601010800')).toBe(Date.UTC(2026, 0, 1) / 1000)
  })
})
