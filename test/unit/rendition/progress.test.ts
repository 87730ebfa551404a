import { describe, expect, test } from 'vitest'
import { ProgressReader } from '../../../src/rendition/progress.ts'

function read(duration: number | undefined, ...texts: readonly string[]): number[] {
  const percents: number[] = []
  const reader = new ProgressReader(duration, (percent) => percents.push(percent))
  for (const text of texts) reader.push(text)
  return percents
}

describe('progress', () => {
  test('is the share of the duration, in tenths of a percent', () => {
    const text = 'frame=1\nout_time_us=1234567\nout_time_ms=1234567\nprogress=continue\n'
    expect(read(10, text)).toEqual([12.3])
  })

  test('is read from lines that come in pieces', () => {
    expect(read(10, 'out_ti', 'me_us=10000', '00\nout_time_us=2', '000000', '\n')).toEqual([10, 20])
  })

  test('never falls and repeats nothing', () => {
    const text = 'out_time_us=5000000\nout_time_us=4000000\nout_time_us=5000001\n'
    expect(read(10, text)).toEqual([50])
  })

  test('stays below 100 as long as the work is not over', () => {
    expect(read(10, 'out_time_us=10000000\nout_time_us=99000000\nprogress=end\n')).toEqual([99.9])
  })

  test.each(['out_time_us=N/A', 'out_time_us=-1', 'out_time_us=', 'xout_time_us=5000000'])(
    'ignores %s',
    (line) => {
      expect(read(10, `${line}\n`)).toEqual([])
    },
  )

  test('of a source without a duration is not known', () => {
    expect(read(undefined, 'out_time_us=5000000\n')).toEqual([])
  })
})
