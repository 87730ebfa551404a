import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { adminEndpoints } from '../../../src/admin/app.ts'
import { documentedPath } from '../../../src/openapi/document.ts'
import { CONSTRAINT_NAMES } from '../../../src/link/constraints.ts'
import { expectOpenApi, type OpenApiDocument, operationsOf } from '../../support/openapi-checks.ts'
import { type AdminFixture, startAdmin } from './fixture.ts'

let admin: AdminFixture
let document: OpenApiDocument
beforeAll(async () => {
  admin = await startAdmin()
  const { json } = await admin.call('GET', '/openapi.json', { as: 'nobody' })
  document = json as unknown as OpenApiDocument
})
afterAll(() => admin.close())

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 of this version', () => {
    expectOpenApi(document)
    expect(document.info.version).toBe('9.9.9')
    expect(Object.keys(document.components.schemas).length).toBeGreaterThan(15)
  })

  it('has every endpoint and no other', () => {
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const declared = adminEndpoints().map(({ method, path }) => `${method} ${documentedPath(path)}`)
    expect(documented.toSorted()).toEqual(declared.toSorted())
  })

  it('has schemas that read what callers write', () => {
    const $defs = JSON.parse(
      JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
    ) as Record<string, never>
    const request = z.fromJSONSchema({ $ref: '#/$defs/LinkRequests', $defs })
    expect(request.safeParse({ path: '/files/a', ip: [1, '::1'] }).success).toBe(true)
    expect(request.safeParse([{ path: '/files/a' }]).success).toBe(true)
    expect(request.safeParse({ path: '/files/a', other: 1 }).success).toBe(false)
  })

  it('has the scope of every operation', () => {
    expect(document.paths['/v1/keys']?.['get']?.security).toEqual([
      { adminToken: ['read'] },
      { adminToken: ['keys'] },
    ])
    expect(document.paths['/healthz']?.['get']?.security).toEqual([])
  })

  it('describes parameters and bodies', () => {
    const mint = document.paths['/v1/links']?.['post']
    expect(mint?.requestBody).toMatchObject({ required: true })
    expect(mint?.parameters).toMatchObject([
      { name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string' } },
    ])
    const { parameters = [] } = document.paths['/v1/records']?.['get'] ?? {}
    expect(parameters.find(({ name }) => name === 'limit')).toMatchObject({
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
    })
    const retire = document.paths['/v1/keys/{kid}/retire']?.['post']
    expect(retire?.parameters).toMatchObject([{ name: 'kid', in: 'path', required: true }])
    expect(retire?.requestBody?.required).toBe(false)
  })

  it('names every constraint that callers may set', () => {
    const names = Object.keys(document.components.schemas['LinkRequest']?.['properties'] ?? {})
    const settable = CONSTRAINT_NAMES.filter((name) => name !== 'iat')
    expect(names).toEqual(expect.arrayContaining(settable))
  })

  it('describes success and errors of every operation', () => {
    for (const { responses, security, requestBody } of operationsOf(document)) {
      const expected = [
        '500',
        ...(security.length > 0 ? ['401', '403'] : []),
        ...(requestBody ? ['400', '413', '415', '422'] : []),
      ]
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(expected))
      const errors = Object.entries(responses).filter(([status]) => Number(status) >= 400)
      for (const [, { content }] of errors) {
        expect(content).toEqual({
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        })
      }
    }
  })
})

describe('/openapi/{api}.json', () => {
  it('is open to all, and only there for what is switched on', async () => {
    const found = await admin.call('GET', '/openapi/elytron.json', { as: 'nobody' })
    expect([found.status, found.json]).toEqual([200, { openapi: '3.1.0' }])
    for (const name of ['xvid', 'unknown', 'elytron.json']) {
      const { status } = await admin.call('GET', `/openapi/${name}.json`, { as: 'nobody' })
      expect(status).toBe(404)
    }
  })
})
