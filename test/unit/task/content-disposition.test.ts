import { create } from 'content-disposition-v2'
import { describe, expect, test } from 'vitest'
import { filenameOfDisposition } from '../../../src/task/content-disposition.ts'

/** As the field arrives: one character for each byte. */
const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

describe('the filename of a Content-Disposition field', () => {
  test.each([
    ['attachment; filename="a b.mp4"', 'a b.mp4'],
    ['attachment; filename=a.mp4', 'a.mp4'],
    ['inline;filename = "a.mp4"', 'a.mp4'],
    ['ATTACHMENT; FILENAME="a.mp4"', 'a.mp4'],
    ['attachment; filename="a\\"b.mp4"', 'a"b.mp4'],
    ['attachment; filename="a;b.mp4"; size=3', 'a;b.mp4'],
    ['attachment; filename="a.mp4";', 'a.mp4'],
    [`attachment; filename*=UTF-8''na%C3%AFve.mp4; filename="naive.mp4"`, 'naïve.mp4'],
    [`attachment; filename="naive.mp4"; filename*=utf-8'en'na%C3%AFve.mp4`, 'naïve.mp4'],
    [`attachment; filename*=ISO-8859-1''%A3.mp4`, '£.mp4'],
    [latin1('attachment; filename="Käse.mp4"'), 'Käse.mp4'],
    ['attachment; filename="K\xe4se.mp4"', 'Käse.mp4'],
  ])('%s', (field, filename) => {
    expect(filenameOfDisposition(field)).toBe(filename)
  })

  test.each([
    undefined,
    '',
    'attachment',
    '; filename=a.mp4',
    'attachment; filename=a b.mp4',
    'attachment; filename="a.mp4',
    'attachment; filename=a.mp4; filename=b.mp4',
    `attachment; filename*=UTF-8''%ff.mp4`,
    `attachment; filename*=UTF-16''a.mp4`,
  ])('%j has none', (field) => {
    expect(filenameOfDisposition(field)).toBeUndefined()
  })

  test('falls back to the plain name where the extended one is broken', () => {
    const field = `attachment; filename="a.mp4"; filename*=UTF-8''%f`
    expect(filenameOfDisposition(field)).toBe('a.mp4')
  })

  test.each(['plain.mp4', 'with "quotes".mp4', 'naïve 😀 файл.mp4', "it's (1).mp4"])(
    'comes back from what another library wrote: %s',
    (filename) => {
      expect(filenameOfDisposition(latin1(create(filename)))).toBe(filename)
    },
  )
})
