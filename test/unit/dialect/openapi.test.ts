import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Dialect } from '../../../src/dialect/dialect.ts'
import { dialectDocument } from '../../../src/dialect/openapi.ts'
import { expectOpenApi, type OpenApiDocument } from '../../support/openapi-checks.ts'

const handle = (): never => {
  throw new Error('only described here')
}

const DIALECT: Dialect = {
  name: 'ibm',
  title: 'Films',
  problem: handle,
  endpoints: [
    {
      method: 'GET',
      path: '/films/{id}/{format}.json',
      summary: 'A film',
      credentials: ['bearer', 'hmac'],
      query: z.strictObject({
        human: z.enum(['true', 'false']).optional().describe('Indents.'),
        expiry: z.string(),
      }),
      replies: {
        200: { description: 'The film', schema: z.object({ url: z.string() }) },
        302: { description: 'There it is' },
        404: { description: 'No film', schema: z.string(), mediaType: 'application/xml' },
      },
      handle,
    },
    {
      method: 'POST',
      path: '/films/{id}/{format}.json',
      summary: 'Order a film',
      description: 'Once.',
      credentials: ['bearer', 'none'],
      body: z.object({ quality: z.string() }).optional(),
      replies: { 201: { description: 'Ordered' } },
      handle,
    },
    {
      method: 'DELETE',
      path: '/films',
      summary: 'Drop all',
      credentials: ['none'],
      body: z.object({ sure: z.literal(true) }),
      replies: { 204: { description: 'Dropped' } },
      handle,
    },
  ],
}

const published = (dialect: Dialect): OpenApiDocument =>
  dialectDocument(dialect, {
    version: '1.2.3',
    publicUrl: 'https://dl.example',
  }) as unknown as OpenApiDocument

describe('the document of an API', () => {
  const document = published(DIALECT)

  it('keeps to OpenAPI 3.1 and names the public port', () => {
    expectOpenApi(document)
    expect(document.info).toMatchObject({ title: 'Films', version: '1.2.3' })
    expect(document.servers).toEqual([{ url: 'https://dl.example' }])
  })

  it('describes parameters, bodies and answers', () => {
    const { get, post } = document.paths['/films/{id}/{format}.json'] ?? {}
    expect(get?.parameters).toEqual([
      { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
      { name: 'format', in: 'path', required: true, schema: { type: 'string' } },
      {
        name: 'human',
        in: 'query',
        required: false,
        description: 'Indents.',
        schema: { type: 'string', enum: ['true', 'false'] },
      },
      { name: 'expiry', in: 'query', required: true, schema: { type: 'string' } },
    ])
    expect(get?.responses['302']).toEqual({ description: 'There it is' })
    expect(Object.keys(get?.responses['404']?.content ?? {})).toEqual(['application/xml'])
    expect(post?.requestBody?.required).toBe(false)
    expect(document.paths['/films']?.['delete']?.requestBody?.required).toBe(true)
  })

  it('says how callers show who they are: in each of these ways, or in none', () => {
    const { get, post } = document.paths['/films/{id}/{format}.json'] ?? {}
    expect(get?.security).toEqual([{ bearer: [] }, { hmac: [] }])
    expect(post?.security).toEqual([{ bearer: [] }, {}])
    expect(document.paths['/films']?.['delete']?.security).toEqual([])
    expect(Object.keys(document.components.securitySchemes)).toEqual(['bearer', 'hmac'])
    const open = published({ ...DIALECT, endpoints: DIALECT.endpoints.slice(2) })
    expect(open.components.securitySchemes).toEqual({})
  })
})
