import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../../../src/dialect/xvid/errors.ts'
import { errorText, shapeOf, urlsText } from '../../../../src/dialect/xvid/shape.ts'
import { contextOf } from '../../../support/request-parts.ts'

const XML = { accept: 'application/xml' }

describe('the shape of an answer', () => {
  it.each([
    ['', {}, 'json'],
    ['', XML, 'xml'],
    ['format=xml', {}, 'xml'],
    ['format=xml', { accept: 'application/json' }, 'xml'],
    ['format=json', XML, 'json'],
    ['format=%78ml', {}, 'xml'],
    ['a=%zz&format=xml&a=1', {}, 'xml'],
    ['format=html', XML, 'json'],
    ['format=', XML, 'json'],
    ['format=xml&format=xml', XML, 'json'],
  ])('of %s with %j is %s', (query, headers, type) => {
    expect(shapeOf(contextOf(`/v1/files/downloads?${query}`, { headers })).type).toBe(type)
  })

  it('is indented on request', () => {
    const isIndented = (query: string): boolean =>
      shapeOf(contextOf(`/v1/files/downloads?${query}`)).isIndented
    expect(isIndented('human=true')).toBe(true)
    expect(isIndented('human=false')).toBe(false)
    expect(isIndented('human=1')).toBe(false)
    expect(isIndented('')).toBe(false)
  })
})

describe('an answer', () => {
  const json = { type: 'json', isIndented: false } as const
  const xml = { type: 'xml', isIndented: false } as const
  const one = { isList: false, isRedirect: false }

  it('holds one URL or a list', () => {
    const body = (urls: string[], isList: boolean, shape: typeof json | typeof xml): string =>
      urlsText(urls, { isList, isRedirect: false, shape }).body
    expect(body(['/a?b&c'], false, json)).toBe('{"url":"/a?b&c"}')
    expect(body(['/a?b&c'], false, xml)).toBe('<response><url>/a?b&amp;c</url></response>')
    expect(body(['/a'], true, json)).toBe('{"url":["/a"]}')
    expect(body(['/a', '/b'], true, json)).toBe('{"url":["/a","/b"]}')
    expect(body(['/a', '/b'], true, xml)).toBe('<response><url>/a</url><url>/b</url></response>')
  })

  it('redirects and says the same', () => {
    expect(urlsText(['/a'], { ...one, isRedirect: true, shape: xml })).toEqual({
      kind: 'text',
      status: 302,
      mediaType: 'application/xml',
      body: '<response><url>/a</url></response>',
      headers: ['Location', '/a'],
    })
  })

  it('of an error is the published one, to the byte', () => {
    expect(errorText(ERRORS.invalid_input, json)).toMatchObject({
      status: 400,
      mediaType: 'application/json',
      body: '{"error":{"error_code":"0x0230001","error_message":"Invalid Input"}}',
    })
    expect(errorText(ERRORS.invalid_token, xml)).toMatchObject({
      status: 403,
      mediaType: 'application/xml',
      body: '<response><error><error_code>0x0000003</error_code><error_message>Invalid access token</error_message></error></response>',
    })
    expect(errorText(ERRORS.file_missing, { ...json, isIndented: true }).body).toBe(`{
  "error": {
    "error_code": "0x0230002",
    "error_message": "Requested file does not exist"
  }
}`)
    expect(errorText(ERRORS.internal, { ...xml, isIndented: true }).body).toBe(`<response>
  <error>
    <error_code>0x0000001</error_code>
    <error_message>Internal Error</error_message>
  </error>
</response>`)
  })
})
