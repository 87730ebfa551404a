import { expect, it } from 'vitest'
import { openMemoryDatabase } from '../../../src/state/database.ts'
import { FirstCalls } from '../../../src/state/first-calls.ts'

it('a call keeps the time at which it came first', () => {
  const calls = new FirstCalls(openMemoryDatabase())
  expect(calls.at('a', 100, undefined)).toBe(100)
  expect(calls.at('a', 500, undefined)).toBe(100)
  expect(calls.at('b', 500, undefined)).toBe(500)
})

it('a call is forgotten only when it has an end, and at that end', () => {
  const calls = new FirstCalls(openMemoryDatabase())
  calls.at('endless', 100, undefined)
  calls.at('ending', 100, 200)
  calls.prune(199)
  expect(calls.at('ending', 300, 200)).toBe(100)
  calls.prune(200)
  expect(calls.at('ending', 300, 200)).toBe(300)
  expect(calls.at('endless', 300, undefined)).toBe(100)
})
