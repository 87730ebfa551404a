import { describe, expect, it } from 'vitest'
import { catalogueName, parseCatalogueName } from '../../../src/catalogue/catalogue-name.ts'
import { formatOf } from '../../../src/catalogue/format.ts'
import { canonicalisePath } from '../../../src/request/canonical-path.ts'

const asset = {
  id: 'a-1',
  filename: 'a.mp4',
  origin: 'library',
  object: 'a.mp4',
  requireSigned: false,
  status: 'ready',
  createdAt: 1,
} as const

describe('the name of an object of the catalogue', () => {
  it.each([
    ['a.mp4', 'a.mp4'],
    ['my film (1).mp4', 'my_film_1_.mp4'],
    ['日本語.mp4', '_.mp4'],
    ['..', 'download'],
    ['.hidden', 'hidden'],
    ['a/../b', 'a_.._b'],
    ['%2e%2e', '_2e_2e'],
    ['', 'download'],
  ])(
    'made for the file name %j ends in %j, needs no encoding and is found again',
    (given, plain) => {
      const name = catalogueName(asset, 'webm', given)
      expect(name).toBe(`a-1/webm/${plain}`)
      expect(canonicalisePath(`/assets/${name}`)).toMatchObject({
        ok: true,
        path: `/assets/${name}`,
      })
      expect(parseCatalogueName(name)).toEqual({ assetId: 'a-1', format: 'webm' })
    },
  )

  it('without a format stands for the own object of the asset', () => {
    const name = catalogueName(asset, undefined, 'a.mp4')
    expect(parseCatalogueName(name)).toEqual({ assetId: 'a-1', format: undefined })
  })
})

it.each([
  ['a.mp4', 'mp4'],
  ['deep/a.M4V', 'mp4'],
  ['a.b.qt', 'mov'],
  ['a.webm/b', undefined],
  ['webm', undefined],
  ['a.avi', undefined],
  ['.flv', 'flv'],
  ['', undefined],
])('the format of the object %j is %j', (object, format) => {
  expect(formatOf(object)).toBe(format)
})
