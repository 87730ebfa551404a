import { expect, it } from 'vitest'
import { RecentNames } from '../../../src/link/recent-names.ts'

it('a name is new the first time, and known from then on', () => {
  const names = new RecentNames()
  expect([names.add('a'), names.add('b'), names.add('a'), names.add('a'), names.add('')]).toEqual([
    false,
    false,
    true,
    true,
    false,
  ])
})

it('few of many new names are taken for known ones, and most of the latest are known', () => {
  const names = new RecentNames()
  const all = Array.from({ length: 200_000 }, (_, i) => `/files/${i}.bin?Signature=${i * 7919}`)
  expect(all.filter((name) => names.add(name)).length).toBeLessThan(20)
  expect(all.slice(-10_000).filter((name) => names.add(name)).length).toBeGreaterThan(8_000)
})

it('names that come in turns are all known in the end, however many share a place', () => {
  const names = new RecentNames()
  const all = Array.from({ length: 20_000 }, (_, i) => `/files/${i}.bin?Signature=${i * 7919}`)
  let left = all.filter((name) => !names.add(name))
  left = left.filter((name) => !names.add(name))
  expect(left.length).toBeLessThan(1000)
  for (let turn = 0; turn < 8; turn++) left = left.filter((name) => !names.add(name))
  expect(left).toEqual([])
})
