import { describe, expect, it, test } from 'vitest'
import { ERRORS, errorOfStatus } from '../../../../src/dialect/xvid/errors.ts'
import { parametersSchema } from '../../../../src/dialect/xvid/parameters.ts'
import { codesOf, readPage, rowsBelow } from '../../../docs/markdown.ts'

describe('the error that stands for a status of the gateway', () => {
  it.each([
    [400, ERRORS.invalid_input],
    [403, ERRORS.invalid_token],
    [404, ERRORS.file_missing],
    [405, ERRORS.method],
    [416, ERRORS.invalid_input],
    [429, ERRORS.limited],
    [500, ERRORS.internal],
    [502, ERRORS.internal],
    [503, ERRORS.unavailable],
    [504, ERRORS.internal],
  ])('%i has its own', (status, error) => {
    expect(errorOfStatus(status)).toBe(error)
  })
})

test('each error has a code of its own', () => {
  const codes = Object.values(ERRORS).map(({ code }) => code)
  expect(new Set(codes).size).toBe(codes.length)
})

describe('docs/api-xvid.md', () => {
  const page = readPage('docs/api-xvid.md')

  test('lists every error', () => {
    const rows = rowsBelow(page, '## Errors')
    expect(rows).toHaveLength(Object.keys(ERRORS).length)
    const listed = rows.map(([code = '', status = '', message = '']) => ({
      code: codesOf(code)[0],
      status: Number(status),
      message: codesOf(message)[0]?.replace(': …', ''),
    }))
    expect(listed).toEqual(expect.arrayContaining(Object.values(ERRORS)))
  })

  test('lists every parameter', () => {
    const listed = rowsBelow(page, '## `GET /v1/files/downloads`').flatMap(([cell]) =>
      codesOf(cell),
    )
    expect(listed).toEqual([...Object.keys(parametersSchema.shape), 'signature'])
  })
})
