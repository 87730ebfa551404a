import { describe, expect } from 'vitest'
import type { IdempotencyStore } from '../../src/state/idempotency.ts'
import { NOW } from '../support/request-parts.ts'
import type { DefineTest } from '../support/programs.ts'

const ANSWER = { status: 201, body: '{"url":"x"}' }
const OTHER = { status: 201, body: '{"url":"y"}' }

/** What every store of kept answers promises. */
export function idempotencyContract(
  name: string,
  open: () => Promise<IdempotencyStore>,
  it: DefineTest,
): void {
  describe(`${name} keeps the contract of idempotency stores`, () => {
    it('gives the answer of the first request, for a day', async () => {
      const store = await open()
      expect(await store.find('k', 'request', NOW)).toBeUndefined()
      expect(await store.keep('k', 'request', ANSWER, NOW)).toBe(ANSWER)
      expect(await store.find('k', 'request', NOW)).toEqual(ANSWER)
      expect(await store.find('k', 'request', NOW + 86_399)).toEqual(ANSWER)
      expect(await store.find('k', 'request', NOW + 86_400)).toBeUndefined()
      expect(await store.find('K', 'request', NOW)).toBeUndefined()
    })

    it('of two answers to one request the first holds', async () => {
      const store = await open()
      await store.keep('k', 'request', ANSWER, NOW)
      expect(await store.keep('k', 'request', OTHER, NOW + 1)).toEqual(ANSWER)
      expect(await store.find('k', 'request', NOW + 1)).toEqual(ANSWER)
    })

    it('of many at once one holds, and all are told which', async () => {
      const store = await open()
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          store.keep('k', 'request', { status: 201, body: String(i) }, NOW),
        ),
      )
      expect(
        new Set(answers.map((answer) => (answer === 'mismatch' ? '' : answer.body))).size,
      ).toBe(1)
    })

    it('the same key with another request is a mismatch, not the old answer', async () => {
      const store = await open()
      await store.keep('k', 'request', ANSWER, NOW)
      expect(await store.find('k', 'another request', NOW)).toBe('mismatch')
      expect(await store.keep('k', 'another request', OTHER, NOW)).toBe('mismatch')
      expect(await store.find('k', 'another request', NOW + 86_400)).toBeUndefined()
    })

    it('a key may be used again after its day', async () => {
      const store = await open()
      await store.keep('k', 'request', ANSWER, NOW)
      const later = { status: 422, body: '{}' }
      expect(await store.keep('k', 'another request', later, NOW + 86_400)).toBe(later)
      expect(await store.find('k', 'another request', NOW + 86_400)).toEqual(later)
    })
  })
}
