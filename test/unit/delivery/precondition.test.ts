import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { namesObject } from '../../../src/delivery/entity-tag.ts'
import { formatHttpDate } from '../../../src/delivery/http-date.ts'
import {
  evaluatePreconditions,
  type PreconditionFields,
  rangeApplies,
  type Validators,
} from '../../../src/delivery/precondition.ts'

const NOW = 1_763_700_000
const NONE: Validators = { etag: undefined, lastModified: undefined }
const WEAK: Validators = { etag: 'W/"v1"', lastModified: NOW - 60 }
const STRONG: Validators = { etag: '"v1"', lastModified: NOW - 60 }

function evaluate(fields: Partial<PreconditionFields>, meta: Validators): string {
  const absent = {
    ifMatch: undefined,
    ifNoneMatch: undefined,
    ifModifiedSince: undefined,
    ifUnmodifiedSince: undefined,
  }
  return evaluatePreconditions({ ...absent, ...fields }, meta, NOW)
}

describe('an object without validators', () => {
  it('exists, so an asterisk names it', () => {
    expect(evaluate({ ifMatch: '*' }, NONE)).toBe('proceed')
    expect(evaluate({ ifNoneMatch: '*' }, NONE)).toBe('not-modified')
  })

  it('is named by no entity tag', () => {
    expect(evaluate({ ifMatch: '"v1"' }, NONE)).toBe('failed')
    expect(evaluate({ ifNoneMatch: '"v1"' }, NONE)).toBe('proceed')
  })

  it('makes dates meaningless', () => {
    const date = formatHttpDate(NOW)
    expect(evaluate({ ifModifiedSince: date }, NONE)).toBe('proceed')
    expect(evaluate({ ifUnmodifiedSince: formatHttpDate(0) }, NONE)).toBe('proceed')
    expect(rangeApplies(date, NONE, NOW)).toBe(false)
    expect(rangeApplies('"v1"', NONE, NOW)).toBe(false)
  })

  it('has ranges when there is no If-Range', () => {
    expect(rangeApplies(undefined, NONE, NOW)).toBe(true)
  })
})

describe('an object with a weak entity tag', () => {
  it('is never named by If-Match or If-Range', () => {
    for (const tag of ['"v1"', 'W/"v1"']) {
      expect(evaluate({ ifMatch: tag }, WEAK)).toBe('failed')
      expect(rangeApplies(tag, WEAK, NOW)).toBe(false)
    }
    expect(evaluate({ ifMatch: '*' }, WEAK)).toBe('proceed')
  })

  it('is named by If-None-Match, weak or strong', () => {
    expect(evaluate({ ifNoneMatch: '"v1"' }, WEAK)).toBe('not-modified')
    expect(evaluate({ ifNoneMatch: 'W/"v1"' }, WEAK)).toBe('not-modified')
    expect(evaluate({ ifNoneMatch: 'W/"v2"' }, WEAK)).toBe('proceed')
  })
})

describe('a Last-Modified in If-Range', () => {
  const dated = (lastModified: number): boolean =>
    rangeApplies(formatHttpDate(lastModified), { etag: undefined, lastModified }, NOW)

  it('is strong from one second of age on', () => {
    expect(dated(NOW - 1)).toBe(true)
    expect(dated(NOW)).toBe(false)
    expect(dated(NOW + 1)).toBe(false)
  })

  it('must be exact', () => {
    expect(rangeApplies(formatHttpDate(NOW - 59), STRONG, NOW)).toBe(false)
    expect(rangeApplies(formatHttpDate(NOW - 60), STRONG, NOW)).toBe(true)
    expect(rangeApplies(formatHttpDate(NOW - 61), STRONG, NOW)).toBe(false)
  })
})

describe('namesObject', () => {
  it.each([
    ['"a"', '"a"', true],
    ['""', '""', true],
    ['"a","b"', '"b"', true],
    ['"a"\t,\t"b"', '"b"', true],
    ['"a,b"', '"a,b"', true],
    ['"a\\", "b"', '"b"', true],
    ['"a\\"', '"a\\"', true],
    ['"\u00e4"', '"\u00e4"', true],
    ['"a,b"', '"a"', false],
    ['"A"', '"a"', false],
    ['"ab"', '"a"', false],
    ['"a"', '"ab"', false],
    [',', '"a"', false],
    ['"a" "a"', '"a"', false],
    ['"a""a"', '"a"', false],
    ['"a" , "b c"', '"a"', false],
    ['"a', '"a', false],
    ['a', 'a', false],
    ['W/', 'W/', false],
    ['W/ "a"', '"a"', false],
    ["'a'", "'a'", false],
    ['"ab"', '"a', false],
    ['"ab"', '', false],
    ['"a", "\u0100"', '"a"', false],
    ['"a", "\x7f"', '"a"', false],
    ['"a", *', '"a"', false],
    ['**', '"a"', false],
  ])('%j names %j: %j', (list, etag, expected) => {
    expect(namesObject(list, etag, 'strong')).toBe(expected)
    expect(namesObject(list, etag, 'weak')).toBe(expected)
  })

  it('any list of tags names each of its members and no other', () => {
    const character = fc.integer({ min: 0x21, max: 0xff }).filter((c) => c !== 0x22 && c !== 0x7f)
    const tag = fc
      .array(character, { maxLength: 6 })
      .map((codes) => `"${String.fromCharCode(...codes)}"`)
    fc.assert(
      fc.property(fc.array(tag, { minLength: 1 }), tag, (tags, other) => {
        const list = tags.join(' , ')
        for (const member of tags) expect(namesObject(list, member, 'strong')).toBe(true)
        expect(namesObject(list, other, 'strong')).toBe(tags.includes(other))
        expect(namesObject(list, `W/${other}`, 'strong')).toBe(false)
        expect(namesObject(list, `W/${other}`, 'weak')).toBe(tags.includes(other))
      }),
    )
  })

  it('no text makes it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'"W/*, a\\') }), (text) => {
        expect(typeof namesObject(text, '"a"', 'weak')).toBe('boolean')
      }),
    )
  })
})
