import { expect, it } from 'vitest'
import { rememberRecent } from '../../../src/delivery/recent-values.ts'

function counted(capacity: number): { made: number[]; get: (key: number) => string } {
  const made: number[] = []
  const get = rememberRecent(capacity, (key: number) => {
    made.push(key)
    return `v${key}`
  })
  return { made, get }
}

it('a result is made once', () => {
  const { made, get } = counted(2)
  expect([get(1), get(2), get(1), get(2)]).toEqual(['v1', 'v2', 'v1', 'v2'])
  expect(made).toEqual([1, 2])
})

it('a result in use survives any number of others', () => {
  const { made, get } = counted(2)
  for (let other = 10; other < 100; other++)
    expect([get(1), get(other)]).toEqual(['v1', `v${other}`])
  expect(made.filter((key) => key === 1)).toHaveLength(1)
})

it('no more than twice the capacity is remembered', () => {
  const { made, get } = counted(2)
  for (let key = 0; key < 6; key++) get(key)
  made.length = 0
  for (let key = 5; key >= 0; key--) get(key)
  expect(6 - made.length).toBeLessThanOrEqual(4)
})
