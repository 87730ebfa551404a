import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ByteRange,
  parseRange,
  type RangeSpec,
  resolveRanges,
} from '../../../src/delivery/byte-range.ts'
import type { RangeHint } from '../../../src/origin/origin.ts'

const position = fc.oneof(fc.nat(70), fc.constant(Number.MAX_SAFE_INTEGER))
const spec: fc.Arbitrary<RangeSpec> = fc.oneof(
  fc.record({ suffix: position }),
  fc.record({ first: position, last: fc.constant(undefined) }),
  fc.tuple(position, position).map(([x, y]) => ({ first: Math.min(x, y), last: Math.max(x, y) })),
)
const specs = fc.array(spec, { minLength: 1, maxLength: 50 })
const size = fc.nat(60)

function formatSpec(range: RangeSpec): string {
  return 'suffix' in range ? `-${range.suffix}` : `${range.first}-${range.last ?? ''}`
}

function selects(range: RangeSpec, byte: number, length: number): boolean {
  if ('suffix' in range) return byte >= length - range.suffix
  return byte >= range.first && byte <= (range.last ?? Infinity)
}

/** RFC 9110 section 14.1.2 told byte by byte: runs of selected bytes, by the first range that touches each. */
function referenceRanges(ranges: readonly RangeSpec[], length: number): ByteRange[] {
  const runs: (ByteRange & { order: number })[] = []
  for (let byte = 0; byte < length; byte++) {
    const order = ranges.findIndex((range) => selects(range, byte, length))
    if (order < 0) continue
    const run = runs.at(-1)
    if (run?.end === byte) {
      runs[runs.length - 1] = { ...run, end: byte + 1, order: Math.min(run.order, order) }
    } else runs.push({ start: byte, end: byte + 1, order })
  }
  runs.sort((x, y) => x.order - y.order)
  return runs.map(({ start, end }) => ({ start, end }))
}

function resolved(ranges: readonly RangeSpec[], length: number): readonly ByteRange[] {
  const result = resolveRanges(ranges, length)
  return result.kind === 'ranges' ? result.ranges : []
}

describe('parseRange', () => {
  it('a single range is a hint for an origin', () => {
    const hint: RangeHint | undefined = parseRange('bytes=5-')?.[0]
    expect(hint).toEqual({ first: 5, last: undefined })
    expect(parseRange('bytes=5-9')).toEqual([{ first: 5, last: 9 }])
    expect(parseRange('bytes=-9')).toEqual([{ suffix: 9 }])
  })

  it('a position above 15 digits stays a safe integer', () => {
    const far = Number.MAX_SAFE_INTEGER
    expect(parseRange('bytes=999999999999999-')).toEqual([
      { first: 999_999_999_999_999, last: undefined },
    ])
    expect(parseRange('bytes=1000000000000000-')).toEqual([{ first: far, last: undefined }])
    expect(parseRange(`bytes=-${'9'.repeat(4000)}`)).toEqual([{ suffix: far }])
  })

  it('4 KiB are read and one byte more is not', () => {
    const header = `bytes=0-9${','.repeat(4096 - 9)}`
    expect(parseRange(header)).toEqual([{ first: 0, last: 9 }])
    expect(parseRange(`${header},`)).toBeUndefined()
  })

  it('characters that look like digits or spaces to others are malformed', () => {
    for (const text of [
      'bytes=\u0661-',
      'bytes=\u00a00-9',
      'bytes=0-9\u00a0',
      'bytes=0-9\0',
      'bytes=0\u20139',
    ]) {
      expect(parseRange(text)).toBeUndefined()
    }
  })

  it('what is written is read, whatever the white space and empty elements', () => {
    const filler = fc.string({ unit: fc.constantFrom(' ', '\t', ','), maxLength: 4 })
    fc.assert(
      fc.property(specs, filler, filler, (ranges, before, after) => {
        fc.pre(ranges.length * 50 < 3900)
        const header = `bytes=${before}${ranges.map(formatSpec).join(`${after},${before}`)}${after}`
        const expected = header.length > 4096 ? undefined : ranges
        expect(parseRange(header)).toEqual(expected)
      }),
    )
  })

  it('anything else neither throws nor gives a position out of order', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0159-,= \tx'), maxLength: 30 })
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (rest) => {
        for (const range of parseRange(`bytes=${rest}`) ?? []) {
          if ('suffix' in range) expect(range.suffix).toBeGreaterThanOrEqual(0)
          else expect(range.last ?? Infinity).toBeGreaterThanOrEqual(range.first)
        }
      }),
    )
  })
})

describe('resolveRanges', () => {
  it('ranges never leave the object, overlap or touch', () => {
    fc.assert(
      fc.property(specs, size, (ranges, length) => {
        const inOrder = [...resolved(ranges, length)].sort((x, y) => x.start - y.start)
        let last = -1
        for (const { start, end } of inOrder) {
          expect(start).toBeGreaterThan(last)
          expect(end).toBeGreaterThan(start)
          expect(end).toBeLessThanOrEqual(length)
          last = end
        }
      }),
    )
  })

  it('together they never hold more bytes than the object', () => {
    fc.assert(
      fc.property(specs, size, (ranges, length) => {
        const sum = resolved(ranges, length).reduce(
          (total, { start, end }) => total + end - start,
          0,
        )
        expect(sum).toBeLessThanOrEqual(length)
      }),
    )
  })

  it('a reading byte by byte gives the same ranges in the same order', () => {
    fc.assert(
      fc.property(specs, size, (ranges, length) => {
        expect(resolved(ranges, length)).toEqual(referenceRanges(ranges, length))
      }),
      { numRuns: 1000 },
    )
  })

  it('no byte selected means unsatisfiable, but for a suffix of an empty object', () => {
    fc.assert(
      fc.property(specs, size, (ranges, length) => {
        const { kind } = resolveRanges(ranges, length)
        const suffix = ranges.some((range) => 'suffix' in range && range.suffix > 0)
        if (referenceRanges(ranges, length).length > 0) expect(kind).toBe('ranges')
        else expect(kind).toBe(length === 0 && suffix ? 'whole' : 'unsatisfiable')
      }),
    )
  })

  it('the ranges of the caller are left as they are', () => {
    const ranges = Object.freeze([
      Object.freeze({ first: 5, last: 9 }),
      Object.freeze({ first: 0, last: 6 }),
    ])
    expect(resolveRanges(ranges, 100)).toEqual({ kind: 'ranges', ranges: [{ start: 0, end: 10 }] })
  })
})
