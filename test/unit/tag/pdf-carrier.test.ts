import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pdfCarrier } from '../../../src/tag/pdf-carrier.ts'
import {
  libraryFile,
  MemoryFile,
  onePagePdf,
  pdfCatalogue,
  surveyed,
  tagged,
} from '../../support/taggable-files.ts'

const LONG = `SluiceTag1.k.${'cGF5bG9hZA'.repeat(60)}.${'A'.repeat(43)}`

function lastStartxref(bytes: Buffer): string | undefined {
  return [...bytes.toString('latin1').matchAll(/startxref\s+(\d+)/g)].at(-1)?.[1]
}

describe('a tagged document', () => {
  it.each([
    ['that ends in a line', onePagePdf()],
    ['that ends in CR LF', onePagePdf('\r\n')],
    ['that ends without a line', onePagePdf('')],
    ['with some garbage behind its end', onePagePdf(`\n${'\0'.repeat(900)}`)],
    ['of the checkout', libraryFile('guide.pdf')],
  ])('%s keeps its bytes, and its readers find the same catalogue', async (_, bytes) => {
    const result = await tagged(pdfCarrier, bytes, LONG)
    expect(result.subarray(0, bytes.length).equals(bytes)).toBe(true)
    expect(lastStartxref(result)).toBe(lastStartxref(bytes))
    expect(pdfCatalogue(result)).toMatch(/\/Type\s*\/Catalog/)
    expect(await pdfCarrier.find(new MemoryFile(result))).toBe(LONG)
  })

  it('holds the tag in comments whose lines are short', async () => {
    const bytes = onePagePdf()
    const lines = (await tagged(pdfCarrier, bytes, LONG)).toString('latin1').split('\n')
    expect(lines.filter((line) => line.length > 255)).toEqual([])
    expect(lines.filter((line) => line.startsWith('%SluiceTag1.'))).toHaveLength(1)
  })

  it('can be tagged again: the last tag counts', async () => {
    const once = await tagged(pdfCarrier, onePagePdf(), LONG)
    const twice = await tagged(pdfCarrier, once, 'SluiceTag1.second')
    expect(await pdfCarrier.find(new MemoryFile(twice))).toBe('SluiceTag1.second')
    expect(lastStartxref(twice)).toBe(lastStartxref(once))
  })

  it('is found again whatever its text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[A-Za-z0-9._~-]{1,4000}$/), async (text) => {
        const sealed = `SluiceTag1.${text}`
        const result = await tagged(pdfCarrier, onePagePdf(), sealed)
        expect(await pdfCarrier.find(new MemoryFile(result))).toBe(sealed)
      }),
    )
  })
})

describe('what carries no tag', () => {
  it.each([
    ['nothing', '', 'no startxref'],
    ['a text', 'startxref is a word', 'no startxref'],
    ['a cut document', onePagePdf().subarray(0, -8).toString('latin1'), 'no startxref'],
    ['one whose end lies too far back', onePagePdf('\n'.repeat(3000)).toString(), 'no startxref'],
    ['an offset behind the end', '%PDF-1.4\nstartxref\n9999\n%%EOF\n', 'behind its end'],
    ['an offset without bounds', `startxref\n${'9'.repeat(16)}\n%%EOF`, 'no startxref'],
  ])('%s', async (_, text, why) => {
    const bytes = Buffer.from(text, 'latin1')
    expect(await surveyed(pdfCarrier, bytes)).toContain(why)
    expect(await pdfCarrier.find(new MemoryFile(bytes))).toBeUndefined()
  })

  it('other comments before the end are no tag', async () => {
    const bytes = Buffer.from('%PDF-1.4\n%generator\nstartxref\n0\n%%EOF\n')
    expect(await pdfCarrier.find(new MemoryFile(bytes))).toBeUndefined()
  })

  it('only the tail is read', async () => {
    const file = new MemoryFile(Buffer.concat([Buffer.alloc(1_000_000, 'x'), onePagePdf()]))
    await pdfCarrier.survey(file)
    expect(file).toMatchObject({ reads: 1, bytesRead: 2048 })
  })
})
