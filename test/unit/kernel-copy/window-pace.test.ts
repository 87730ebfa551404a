import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WindowPace } from '../../../src/kernel-copy/window-pace.ts'

const KIB = 1024

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

function sizesOf(times: readonly number[]): number[] {
  const pace = new WindowPace()
  return times.map((ms) => {
    const size = pace.begin()
    vi.advanceTimersByTime(ms)
    pace.ended()
    return size / KIB
  })
}

test('windows of a fast reader double up to 8 MiB', () => {
  expect(sizesOf(Array.from({ length: 7 }, () => 10))).toEqual([
    256, 512, 1024, 2048, 4096, 8192, 8192,
  ])
})

test('those of a slow one shrink, down to 256 KiB', () => {
  expect(sizesOf([10, 10, 200, 500, 500, 500])).toEqual([256, 512, 1024, 1024, 512, 256])
})
