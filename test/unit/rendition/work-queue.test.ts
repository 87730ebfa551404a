import { expect, test } from 'vitest'
import { type Work, WorkQueue } from '../../../src/rendition/work-queue.ts'

interface Workshop {
  readonly begun: string[]
  readonly ended: string[]
  readonly end: (name: string) => void
  readonly of: (name: string) => Work
}

/** Work that ends when the test or its signal says so. */
function workshop(): Workshop {
  const begun: string[] = []
  const ended: string[] = []
  const ends = new Map<string, () => void>()
  return {
    begun,
    ended,
    end: (name) => ends.get(name)?.(),
    of: (name) => async (signal) => {
      begun.push(name)
      await new Promise<void>((resolve) => {
        ends.set(name, resolve)
        signal.addEventListener('abort', () => setImmediate(resolve))
      })
      ended.push(name)
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('so much work runs at once, the rest in the order of its coming', async () => {
  const { begun, end, of } = workshop()
  const queue = new WorkQueue(2)
  for (const name of ['a', 'b', 'c', 'd']) queue.add(name, of(name))
  expect(begun).toEqual(['a', 'b'])
  end('b')
  await turn()
  expect(begun).toEqual(['a', 'b', 'c'])
  end('a')
  end('c')
  await turn()
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
})

test('work of a name that waits is not added again', () => {
  const { begun, of } = workshop()
  const queue = new WorkQueue(1)
  for (const name of ['a', 'b', 'b']) queue.add(name, of(name))
  expect(begun).toEqual(['a'])
  expect(['a', 'b', 'c'].map((name) => queue.has(name))).toEqual([true, true, false])
})

test('work of a name that runs is done once more behind it, whatever is added meanwhile', async () => {
  const { begun, end, of } = workshop()
  const queue = new WorkQueue(2)
  for (const name of ['a', 'a', 'a', 'b']) queue.add(name, of(name))
  expect(begun).toEqual(['a', 'b'])
  end('a')
  await turn()
  expect(begun).toEqual(['a', 'b', 'a'])
  end('a')
  await turn()
  expect(begun).toEqual(['a', 'b', 'a'])
  expect(queue.has('a')).toBe(false)
})

test('work that is cancelled has ended when the cancel has, and the next begins', async () => {
  const { begun, ended, of } = workshop()
  const queue = new WorkQueue(1)
  for (const name of ['a', 'b', 'c']) queue.add(name, of(name))
  await queue.cancel('b')
  await queue.cancel('a')
  await queue.cancel('never added')
  expect(ended).toEqual(['a'])
  expect(begun).toEqual(['a', 'c'])
})

test('a stop ends what runs, begins nothing that waits and takes nothing more', async () => {
  const { begun, ended, of } = workshop()
  const queue = new WorkQueue(2)
  for (const name of ['a', 'b', 'c']) queue.add(name, of(name))
  await queue.stop()
  queue.add('d', of('d'))
  await turn()
  expect(begun).toEqual(['a', 'b'])
  expect(ended).toEqual(['a', 'b'])
})
