import { expect, test } from 'vitest'
import { whySuspicious } from '../../../src/lists/guard.ts'

const LIMITS = { maxShrink: 0.5, maxGrowth: 10 }

test.each([
  [100, 50],
  [100, 100],
  [100, 1000],
  [3, 1000],
  [100_000, 1_000_000],
])('from %i to %i entries is no reason for doubt', (before, after) => {
  expect(whySuspicious(before, after, LIMITS)).toBeUndefined()
})

test.each([
  [100, 49, 'shrank'],
  [3, 1, 'shrank'],
  [100, 1001, 'grew'],
  [100_000, 1_000_001, 'grew'],
])('from %i to %i entries it %3$s too much', (before, after, how) => {
  expect(whySuspicious(before, after, LIMITS)).toContain(
    `it ${how} from ${before} to ${after} entries`,
  )
})

test('a maxShrink of 1 switches the guard against shrinking off, one of 0 allows no loss', () => {
  expect(whySuspicious(1000, 1, { ...LIMITS, maxShrink: 1 })).toBeUndefined()
  expect(whySuspicious(1000, 999, { ...LIMITS, maxShrink: 0 })).toContain('shrank')
})
