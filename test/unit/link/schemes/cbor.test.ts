import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor } from '../../../../src/link/schemes/cbor.ts'

const read = (hex: string): CborValue | undefined => decodeCbor(Buffer.from(hex, 'hex'))

describe('decodeCbor', () => {
  it.each<[hex: string, value: CborValue]>([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1000],
    ['1a000f4240', 1_000_000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['20', -1],
    ['3903e7', -1000],
    ['f90000', 0],
    ['f93c00', 1],
    ['f93e00', 1.5],
    ['f90001', 5.960464477539063e-8],
    ['f9c400', -4],
    ['f97c00', Infinity],
    ['fa47c35000', 100_000],
    ['fbc010666666666666', -4.1],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['40', Buffer.alloc(0)],
    ['4401020304', Buffer.of(1, 2, 3, 4)],
    ['60', ''],
    ['62c3bc', 'ü'],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
    [
      'a201020304',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    [
      'a26161016162820203',
      new Map<string, CborValue>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    ],
    ['c11a514b67b0', { tag: 1, value: 1_363_896_240 }],
    ['1800', 0],
  ])('reads %s of RFC 8949 appendix A', (hex, value) => {
    expect(read(hex)).toEqual(value)
  })

  it.each([
    ['nothing', ''],
    ['a byte behind the item', '0000'],
    ['a key twice', 'a201020102'],
    ['a key twice in two lengths', 'a20102180102'],
    ['a key that is bytes', 'a1410102'],
    ['a key that is a fraction', 'a1f93e0002'],
    ['an array without end', '9fff'],
    ['a map without end', 'bfff'],
    ['bytes without end', '5f4101ff'],
    ['text without end', '7f6161ff'],
    ['bytes that are cut', '4401'],
    ['an array that is cut', '8201'],
    ['an array of more than there is', '9affffffff'],
    ['bytes of more than there is', '5bffffffffffffffff'],
    ['an integer beyond 2^53', '1b0020000000000000'],
    ['text that is no UTF-8', '61ff'],
    ['undefined', 'f7'],
    ['a simple value', 'e0'],
    ['a reserved length', '1c'],
    ['a break alone', 'ff'],
    ['nesting beyond 16', `${'81'.repeat(17)}00`],
    ['tags beyond 16', `${'c1'.repeat(17)}00`],
  ])('refuses %s', (_what, hex) => {
    expect(read(hex)).toBeUndefined()
  })

  it('reads nesting of 16', () => {
    expect(read(`${'81'.repeat(16)}00`)).toBeDefined()
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        decodeCbor(Buffer.from(bytes))
      }),
      { numRuns: 2000 },
    )
  })
})

const leaf = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)
const { value: anyValue } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(fc.maxSafeInteger(), fc.string()), tie('value')), { maxLength: 4 })
      .map((pairs) => new Map(pairs)),
    fc.record({ tag: fc.nat(), value: tie('value') }),
  ),
}))

describe('encodeCbor', () => {
  it('writes what decodeCbor reads', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(decodeCbor(encodeCbor(value))).toEqual(value)
      }),
    )
  })

  it.each<[hex: string, value: CborValue]>([
    ['17', 23],
    ['1818', 24],
    ['18ff', 255],
    ['190100', 256],
    ['1a00010000', 65_536],
    ['1b0000000100000000', 2 ** 32],
    ['3863', -100],
    ['fb3ff199999999999a', 1.1],
  ])('writes %s in the shortest form', (hex, value) => {
    expect(encodeCbor(value).toString('hex')).toBe(hex)
  })
})
