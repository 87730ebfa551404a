import { afterEach, beforeEach, describe, expect } from 'vitest'
import type { Task } from '../../src/task/task.ts'
import type { TaskStore } from '../../src/task/task-store.ts'
import type { DefineTest } from '../support/programs.ts'

/** A task store under test, empty at first. */
export interface TaskStoreUnderTest {
  readonly store: TaskStore
  dispose(): Promise<void>
}

function task(id: string, rest: Partial<Task> = {}): Task {
  return {
    id,
    url: `https://files.example/${id}`,
    quality: 'best',
    status: 'pending',
    progress: 0,
    createdAt: 1_800_000_000,
    origin: 'library',
    ...rest,
  }
}

/** What every `TaskStore` keeps. */
export function taskStoreContract(
  name: string,
  make: () => Promise<TaskStoreUnderTest>,
  it: DefineTest,
): void {
  describe(`${name} keeps the task store contract`, () => {
    let tested: TaskStoreUnderTest
    let store: TaskStore

    beforeEach(async () => {
      tested = await make()
      store = tested.store
    })

    afterEach(() => tested.dispose())

    const idsOf = async (tasks: Promise<Task[]>): Promise<string[]> =>
      (await tasks).map(({ id }) => id)

    it('a task comes back as it was added', async () => {
      const source = {
        object: 'o',
        filename: '日本語 🎬 "\\.mp4',
        size: 2 ** 45,
        isComplete: false,
      }
      await store.add(task('a', { source }))
      expect(await store.find('a')).toEqual(task('a', { source }))
      expect(await store.find('b')).toBeUndefined()
    })

    it('all are listed newest first, those with work left oldest first', async () => {
      for (const id of ['c', 'a', 'b']) await store.add(task(id))
      expect(await idsOf(store.all())).toEqual(['b', 'a', 'c'])
      await store.change(task('c', { status: 'downloading' }))
      await store.change(task('a', { status: 'completed' }))
      await store.change(task('b', { status: 'processing' }))
      expect(await idsOf(store.all())).toEqual(['b', 'a', 'c'])
      expect(await idsOf(store.unfinished())).toEqual(['c', 'b'])
      await store.change(task('b', { status: 'failed' }))
      expect(await idsOf(store.unfinished())).toEqual(['c'])
    })

    it('a removed task is gone, and no change brings it back', async () => {
      await store.add(task('a'))
      await store.add(task('b'))
      await store.remove('a')
      await store.remove('a')
      expect(await store.change(task('a', { progress: 5 }))).toBe(false)
      expect(await store.take('a', 'one')).toBeUndefined()
      expect(await store.find('a')).toBeUndefined()
      expect(await idsOf(store.all())).toEqual(['b'])
      expect(await idsOf(store.unfinished())).toEqual(['b'])
    })

    it('a task that was given to an attempt is changed by that one alone', async () => {
      await store.add(task('a', { progress: 3 }))
      const one = await store.take('a', 'one')
      expect(one).toEqual(task('a', { progress: 3, attempt: 'one' }))
      expect(await store.change(task('a', { progress: 4 }))).toBe(false)
      expect(await store.change(task('a', { progress: 5, attempt: 'one' }))).toBe(true)
      const two = await store.take('a', 'two')
      expect(two).toEqual(task('a', { progress: 5, attempt: 'two' }))
      expect(await store.change(task('a', { status: 'completed', attempt: 'one' }))).toBe(false)
      expect(await store.find('a')).toEqual(two)
      expect(await store.change(task('a', { status: 'completed', attempt: 'two' }))).toBe(true)
      expect(await store.unfinished()).toEqual([])
    })

    it('of many that take a task at once one has it in the end', async () => {
      await store.add(task('a'))
      const attempts = ['1', '2', '3', '4', '5']
      await Promise.all(attempts.map((attempt) => store.take('a', attempt)))
      const outcomes = await Promise.all(
        attempts.map((attempt) => store.change(task('a', { attempt }))),
      )
      expect(outcomes.filter((isChanged) => isChanged)).toHaveLength(1)
    })
  })
}
