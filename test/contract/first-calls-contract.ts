import { describe, expect } from 'vitest'
import type { FirstCalls } from '../../src/state/first-calls.ts'
import type { DefineTest } from '../support/programs.ts'

/** What every memory of first calls promises. */
export function firstCallsContract(
  name: string,
  open: () => Promise<FirstCalls>,
  it: DefineTest,
): void {
  describe(`${name} keeps the contract of first calls`, () => {
    it('a call keeps the time at which it came first', async () => {
      const calls = await open()
      expect(await calls.at('a', 100, undefined)).toBe(100)
      expect(await calls.at('a', 500, undefined)).toBe(100)
      expect(await calls.at('b', 500, undefined)).toBe(500)
    })

    it('a call that has an end keeps it until then', async () => {
      const calls = await open()
      const now = Math.floor(Date.now() / 1000)
      expect(await calls.at('a', now, now + 100)).toBe(now)
      expect(await calls.at('a', now + 99, now + 100)).toBe(now)
    })

    it('of many at once one came first', async () => {
      const calls = await open()
      const times = Array.from({ length: 20 }, (_, i) => calls.at('a', 100 + i, undefined))
      expect(new Set(await Promise.all(times)).size).toBe(1)
    })
  })
}
