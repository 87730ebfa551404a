import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writeXml } from '../../../../src/dialect/xvid/xml.ts'

/** What an XML reader makes of a text without elements (XML 1.0 section 4.6). */
function readText(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
}

describe('an XML document', () => {
  it('is one line, or indented by two spaces a level', () => {
    const content = [
      ['a', '1'],
      ['b', [['c', '2']]],
    ] as const
    expect(writeXml('r', content, false)).toBe('<r><a>1</a><b><c>2</c></b></r>')
    expect(writeXml('r', content, true)).toBe('<r>\n  <a>1</a>\n  <b>\n    <c>2</c>\n  </b>\n</r>')
  })

  it('holds any text without markup of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.boolean(), (text, isIndented) => {
        const inner = /<t>([^]*)<\/t>/.exec(writeXml('r', [['t', text]], isIndented))?.[1] ?? '<'
        expect(inner).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|apos);)/)
        expect(readText(inner)).toBe(text)
      }),
    )
  })
})
