import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readQuery, unknownParameter } from '../../../src/dialect/query.ts'

const texts = fc.string({ unit: 'grapheme', maxLength: 20 })
const pairs = fc.uniqueArray(fc.tuple(texts, texts), { selector: ([name]) => name, minLength: 1 })

function written(list: readonly (readonly [string, string])[]): string {
  return list
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&')
}

describe('a query', () => {
  it('is read as it was meant, whatever the names and values', () => {
    fc.assert(
      fc.property(pairs, (list) => {
        expect([...(readQuery(written(list)) ?? [])]).toEqual(list)
      }),
    )
  })

  it('with a name twice is refused, however it is escaped', () => {
    fc.assert(
      fc.property(pairs, fc.nat(), texts, (list, at, value) => {
        const [name] = list[at % list.length] ?? ['']
        expect(readQuery(written([...list, [name, value]]))).toBeUndefined()
      }),
    )
    expect(readQuery('ip=1&%69p=2')).toBeUndefined()
  })

  it.each(['a=%', 'a=%zz', 'a=%e2%82', '%ff=1', 'a=b c', 'a=\u00fc', 'a=\u0000'])(
    'with what is no text of a URL is refused: %j',
    (query) => {
      expect(readQuery(query)).toBeUndefined()
    },
  )

  it('that is missing or empty has no parameters', () => {
    expect(readQuery(undefined)).toEqual(new Map())
    expect(readQuery('')).toEqual(new Map())
  })

  it('is decoded once', () => {
    expect(readQuery('a=%2525+%2B&b')).toEqual(
      new Map([
        ['a', '%25 +'],
        ['b', ''],
      ]),
    )
  })
})

describe('an unknown parameter', () => {
  const isIgnored = (name: string): boolean => name.startsWith('utm_')
  const find = (query: string): string | undefined =>
    unknownParameter(readQuery(query) ?? new Map(), ['a', 'b'], isIgnored)

  it('is found unless the policy ignores it', () => {
    expect(find('a=1&b=2&utm_source=x')).toBeUndefined()
    expect(find('a=1&A=2')).toBe('A')
    expect(find('a=1&')).toBe('')
  })
})
