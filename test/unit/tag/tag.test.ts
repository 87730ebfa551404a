import { createHmac, createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_SEALED_BYTES, openTag, sealTag, type Tag, type TagKey } from '../../../src/tag/tag.ts'

function key(kid: string, fill: number): TagKey {
  return { kid, verifyKey: createSecretKey(Buffer.alloc(32, fill)) }
}

const KEY = key('tag-1', 7)
const TAG: Tag = { linkId: 'order-7', subject: 'alice', text: 'copy 12', time: 1_800_000_000 }

const tags = fc.record({
  linkId: fc.stringMatching(/^[\x21-\x7e]{1,128}$/),
  subject: fc.option(fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme' }), {
    nil: undefined,
  }),
  text: fc.string({ minLength: 1, maxLength: 16, unit: 'grapheme' }),
  time: fc.nat(),
})

describe('a sealed tag', () => {
  it('opens as what was sealed, in whatever key it was sealed', () => {
    fc.assert(
      fc.property(tags, fc.stringMatching(/^[A-Za-z0-9_~][A-Za-z0-9._~-]{0,127}$/), (tag, kid) => {
        const keys = [key('other', 1), key(kid, 2)]
        const sealed = sealTag(tag, key(kid, 2))
        expect(openTag(sealed.toString(), keys)).toEqual({ outcome: 'genuine', tag, kid })
      }),
    )
  })

  it('is printable, without blanks, and begins with its version', () => {
    expect(sealTag(TAG, KEY).toString()).toMatch(/^SluiceTag1\.[\x21-\x7e]+$/)
  })

  it('is the same each time', () => {
    expect(sealTag(TAG, KEY)).toEqual(sealTag({ ...TAG }, key('tag-1', 7)))
  })

  it('follows the formula of the documentation', () => {
    const payload = Buffer.from('["order-7","copy 12",1800000000,"alice"]').toString('base64url')
    const signed = `SluiceTag1.tag-1.${payload}`
    const mac = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64url')
    expect(sealTag(TAG, KEY).toString()).toBe(`${signed}.${mac}`)
  })

  it('stays below the bound with the longest of everything', () => {
    const longest = { linkId: '"'.repeat(128), subject: '"'.repeat(255), text: '\\'.repeat(64) }
    const sealed = sealTag({ ...longest, time: 1e15 }, key('k'.repeat(128), 1))
    expect(sealed.length).toBeLessThanOrEqual(MAX_SEALED_BYTES)
  })
})

describe('what is no genuine tag', () => {
  const sealed = sealTag(TAG, KEY).toString()

  it('any changed character leaves it unproven', () => {
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'AZaz09-_.~ '), (at, other) => {
        fc.pre(sealed[at] !== other)
        const changed = sealed.slice(0, at) + other + sealed.slice(at + 1)
        expect(openTag(changed, [KEY]).outcome).toBe('unproven')
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['nothing', '', 'it is damaged'],
    ['a cut one', sealed.slice(0, -1), 'it is damaged'],
    ['one with text behind it', `${sealed}x`, 'it is damaged'],
    ['one of another version', sealed.replace('Tag1', 'Tag2'), 'it is damaged'],
    ['one that is endless', sealed.replace('.', `.${'x'.repeat(5000)}`), 'it is damaged'],
    ['one of an unknown key', sealed.replace('tag-1', 'tag-2'), 'there is no tag key tag-2'],
    [
      'one with another payload',
      sealed.replace(/(?<=1\.tag-1\.)./, 'X'),
      'its signature by the key tag-1 does not hold',
    ],
  ])('%s says why', (_, text, why) => {
    expect(openTag(text, [KEY])).toEqual({ outcome: 'unproven', why })
  })

  it('a payload that its key never signed is not parsed', () => {
    const payload = Buffer.from('{').toString('base64url')
    expect(openTag(`SluiceTag1.tag-1.${payload}.${'A'.repeat(43)}`, [KEY]).outcome).toBe('unproven')
  })
})
