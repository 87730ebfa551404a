import { expect, test } from 'vitest'
import { KeyedLock } from '../../../src/rendition/keyed-lock.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('work of one key runs one after the other, of another key beside it', async () => {
  const lock = new KeyedLock()
  const seen: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = lock.run('a', async () => {
    await gate.promise
    seen.push('first')
  })
  const second = lock.run('a', async () => seen.push('second'))
  await lock.run('b', async () => seen.push('other'))
  await turn()
  expect(seen).toEqual(['other'])
  gate.resolve()
  await Promise.all([first, second])
  expect(seen).toEqual(['other', 'first', 'second'])
})

test('work that fails gives its error to its caller and the turn to the next', async () => {
  const lock = new KeyedLock()
  const failing = lock.run('a', () => Promise.reject(new Error('broken')))
  const next = lock.run('a', async () => 'done')
  await expect(failing).rejects.toThrow('broken')
  expect(await next).toBe('done')
})
