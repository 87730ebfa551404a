import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ByteIntervals } from '../../../src/base/intervals.ts'

const piece = fc
  .tuple(fc.nat(60), fc.nat(12))
  .map(([start, length]) => [start, start + length] as const)

it('intervals agree with a set of bytes after every piece', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), piece, (pieces, [low, high]) => {
      const intervals = new ByteIntervals()
      const model = new Set<number>()
      for (const [start, end] of pieces) {
        intervals.add(start, end)
        for (let byte = start; byte < end; byte++) model.add(byte)
        expect(intervals.covered).toBe(model.size)
      }
      const { edges } = intervals
      // sorted, disjoint, and none touches the next
      expect([...edges].every((edge, i) => i === 0 || edge > edges[i - 1]!)).toBe(true)
      expect(edges.length % 2).toBe(0)
      const bytes = new Set<number>()
      for (let i = 0; i < edges.length; i += 2)
        for (let b = edges[i]!; b < edges[i + 1]!; b++) bytes.add(b)
      expect(bytes).toEqual(model)
      expect(intervals.overlap(low, high)).toBe(
        [...model].filter((byte) => byte >= low && byte < high).length,
      )
    }),
    { numRuns: 1000 },
  )
})

it('edges that were written down give the same set again, and changing it leaves them alone', () => {
  const first = new ByteIntervals()
  first.add(5, 10)
  first.add(20, 30)
  const second = new ByteIntervals(first.edges)
  second.add(0, 100)
  expect([first.covered, first.edges, second.covered]).toEqual([15, [5, 10, 20, 30], 100])
})

it('an empty or reversed piece adds nothing', () => {
  const intervals = new ByteIntervals()
  intervals.add(5, 5)
  intervals.add(9, 3)
  expect([intervals.covered, intervals.edges]).toEqual([0, []])
})

it('pieces beyond 4 GiB count exactly', () => {
  const intervals = new ByteIntervals()
  intervals.add(2 ** 40, 2 ** 40 + 7)
  intervals.add(2 ** 40 + 7, 2 ** 41)
  expect(intervals.covered).toBe(2 ** 40)
})
