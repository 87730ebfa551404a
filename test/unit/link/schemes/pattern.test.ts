import { describe, expect, it } from 'vitest'
import {
  compileExtended,
  compilePattern,
  escapeExtended,
} from '../../../../src/link/schemes/pattern.ts'

describe('an extended regular expression', () => {
  it.each([
    ['a+b', 'aab', true],
    ['a+b', 'xaab', false],
    ['a+b', 'aabx', false],
    ['a|b', 'b', true],
    ['ab|cd', 'abd', false],
    ['[0-9]{3}', '123', true],
    ['[0-9]{3}', '12', false],
    ['a\\.b', 'a.b', true],
    ['a\\.b', 'axb', false],
    ['\\/a', '/a', true],
    ['[^/]*', 'a/b', false],
    ['[]a]+', ']a', true],
    ['[^]a]', ']', false],
    ['[[:digit:]_]+', '1_2', true],
    ['[\\d]', '5', false],
    ['[\\d]', 'd', true],
    ['^a$', 'a', true],
    ['(a|b)(c)?', 'a', true],
  ])('%s over %s is %s for the entire text', (source, text, matches) => {
    expect(compileExtended(source)?.matches(text)).toBe(matches)
  })

  it.each([
    ['a class of Perl', '\\d+'],
    ['a word boundary', 'a\\b'],
    ['a group of Perl', '(?i)a'],
    ['a lazy quantifier', 'a*?'],
    ['a possessive quantifier', 'a++'],
    ['a quantifier of a quantifier', 'a+{2}'],
    ['a backslash at the end', 'a\\'],
    ['a bracket without end', '[a'],
    ['a class without end', '[[:alpha]'],
    ['a collating symbol', '[[.a.]]'],
    ['an equivalence class', '[[=a=]]'],
    ['a parenthesis without end', '(a'],
    ['a quantifier of nothing', '*a'],
    ['more than 1 KiB', 'a'.repeat(1025)],
    ['repetition of repetition', '((a{1000}){1000})'],
    ['a program beyond all bounds', '([a-z]{900}|[0-9]{900}|[A-Z]{900}|x{900}|y{900})'],
  ])('refuses %s', (_what, source) => {
    expect(compileExtended(source)).toBeUndefined()
  })

  it('takes time in the length of the text, whatever the expression', () => {
    const pattern = compileExtended('(a*)*(a|a)*(a+)+b')
    // a backtracking engine would not come to an end
    expect(pattern?.matches('a'.repeat(8000))).toBe(false)
  })

  it('an escaped text matches itself alone', () => {
    const text = 'https://[::1]/a.b(c)*{d}|^$+?\\'
    expect(compileExtended(escapeExtended(text))?.matches(text)).toBe(true)
    expect(compileExtended(escapeExtended('a.b'))?.matches('axb')).toBe(false)
  })
})

describe('a pattern', () => {
  it('finds its groups anywhere in a text', () => {
    expect(compilePattern('(\\d+)-(x)?')?.search('ab 12-')).toEqual(['12', null])
    expect(compilePattern('(\\d+)')?.search('ab')).toBeUndefined()
  })

  it('still matches when many others were compiled since', () => {
    const pattern = compilePattern('^a+$')
    for (let i = 0; i < 300; i++) compilePattern(`^b{${i}}$`)
    expect([pattern?.matches('aa'), pattern?.matches('b')]).toEqual([true, false])
  })

  it.each(['(?=a)', '(a)\\1', '[', 'a'.repeat(1025)])('%s is none', (source) => {
    expect(compilePattern(source)).toBeUndefined()
  })
})
