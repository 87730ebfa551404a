import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../../src/link/key-ring.ts'
import { ABSENT, type Found, type Scheme, type Trigger } from '../../../src/link/scheme.ts'
import { SchemeFinder } from '../../../src/link/scheme-finder.ts'
import { LinkVerifier } from '../../../src/link/verify-link.ts'
import { contextOf } from '../../support/request-parts.ts'

/** A format that answers `find` as told, and never verifies. */
function format(name: string, triggers: readonly Trigger[], answer: Found = ABSENT): Scheme {
  return {
    name,
    triggers,
    expresses: new Set(),
    signsPrefixes: false,
    find: () => answer,
    verify: () => ({
      outcome: 'refused',
      refusal: { reason: 'link_signature_wrong', detail: name },
    }),
    sign: () => ({ reason: 'link_constraint_unsupported', detail: 'path: no' }),
    canonicalText: () => undefined,
  }
}

const query = (name: string): Trigger => ({ place: 'query', name })
const link = (text: string): Found => ({ outcome: 'found', carrier: { place: 'query', text } })
const weakLink = (text: string): Found => ({ ...link(text), isWeak: true }) as Found

describe('which formats are asked', () => {
  const formats = [
    format('one', [query('Signature'), query('Expires')]),
    format('two', [query('token'), { place: 'cookie', name: 'two_token' }]),
    format('three', [{ place: 'header', name: 'authorization' }]),
    format('shape', [{ place: 'shape' }]),
  ]
  const asked = (url: string, headers: Record<string, string> = {}): string[] =>
    new SchemeFinder(formats).candidates(contextOf(url, { headers })).map(({ name }) => name)

  it.each([
    ['/files/a', ['shape']],
    ['/files/a?', ['shape']],
    ['/files/a?token=x', ['shape', 'two']],
    ['/files/a?token', ['shape', 'two']],
    ['/files/a?x=1&&token=x&y', ['shape', 'two']],
    ['/files/a?Signature=1&Expires=2', ['shape', 'one']],
    ['/files/a?Expires=2&token=3', ['shape', 'one', 'two']],
    ['/files/a?Token=x', ['shape']],
    ['/files/a?x=token=y', ['shape']],
    ['/files/a?xtoken=y', ['shape']],
    ['/files/a?%74oken=y', ['shape']],
    ['/files/token=x', ['shape']],
  ])('%s: %j', (url, names) => {
    expect(asked(url)).toEqual(names)
  })

  it('a cookie and a header count by their names', () => {
    expect(asked('/files/a', { Cookie: 'x=1; two_token=y' })).toEqual(['shape', 'two'])
    expect(asked('/files/a', { Cookie: 'token=y' })).toEqual(['shape'])
    expect(asked('/files/a', { AUTHORIZATION: 'x' })).toEqual(['shape', 'three'])
  })

  it('all of a route with few', () => {
    const few = formats.slice(0, 2)
    expect(new SchemeFinder(few).candidates(contextOf('/files/a'))).toEqual(few)
  })

  it('one that several names speak for is asked once', () => {
    expect(asked('/files/a?Signature=1&Expires=2&Signature=3')).toEqual(['shape', 'one'])
  })
})

describe('of several links in a request', () => {
  const locate = (...answers: Found[]): string => {
    const formats = answers.map((answer, i) => format(`f${i}`, [{ place: 'shape' }], answer))
    const located = new LinkVerifier(formats, new KeyRing([])).locate(contextOf('/files/a'))
    if (located.outcome === 'found') return located.scheme.name
    return located.outcome === 'refused' ? located.refusal.reason : located.outcome
  }

  it.each<[string, string, Found[]]>([
    ['none is none', 'absent', [ABSENT, ABSENT]],
    ['one is the one', 'f1', [ABSENT, link('a')]],
    ['two that are sure refuse', 'link_ambiguous', [link('a'), ABSENT, link('b')]],
    ['a sure one wins over a weak one before it', 'f1', [weakLink('a'), link('b')]],
    ['a sure one wins over a weak one behind it', 'f0', [link('a'), weakLink('b')]],
    ['a weak one alone is the link', 'f1', [ABSENT, weakLink('a'), ABSENT]],
    ['of weak ones alone the first format counts', 'f0', [weakLink('a'), weakLink('b')]],
    [
      'two that are sure refuse beside a weak one',
      'link_ambiguous',
      [weakLink('a'), link('b'), link('c')],
    ],
    [
      'a broken one refuses beside a good one',
      'link_malformed',
      [link('a'), { outcome: 'refused', refusal: { reason: 'link_malformed', detail: 'x' } }],
    ],
  ])('%s: %s', (_what, expected, answers) => {
    expect(locate(...answers)).toBe(expected)
  })
})
