import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { adminEndpoints } from '../../../src/admin/app.ts'
import { documentedPath } from '../../../src/admin/openapi.ts'
import { CONSTRAINT_NAMES } from '../../../src/link/constraints.ts'
import { type AdminFixture, startAdmin } from './fixture.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly security: Record<string, string[]>[]
  readonly parameters?: { name: string; in: string; required: boolean; schema: object }[]
  readonly requestBody?: { required: boolean; content: Record<string, { schema: object }> }
  readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>
}

interface Document {
  readonly openapi: string
  readonly info: { version: string }
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { schemas: Record<string, Record<string, unknown>> }
}

let admin: AdminFixture
let document: Document
beforeAll(async () => {
  admin = await startAdmin()
  const { json } = await admin.call('GET', '/openapi.json', { as: 'nobody' })
  document = json as unknown as Document
})
afterAll(() => admin.close())

const operations = (): Operation[] =>
  Object.values(document.paths).flatMap((methods) => Object.values(methods))

function* nodes(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  yield value as Record<string, unknown>
  for (const member of Object.values(value)) yield* nodes(member)
}

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 of this version', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.info.version).toBe('9.9.9')
  })

  it('has every endpoint and no other', () => {
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const declared = adminEndpoints().map(({ method, path }) => `${method} ${documentedPath(path)}`)
    expect(documented.toSorted()).toEqual(declared.toSorted())
  })

  it('resolves every reference', () => {
    const references = [...nodes(document)].flatMap(({ $ref }) =>
      typeof $ref === 'string' ? [$ref] : [],
    )
    expect(references.length).toBeGreaterThan(20)
    const known = Object.keys(document.components.schemas)
    expect(known.map((name) => `#/components/schemas/${name}`)).toEqual(
      expect.arrayContaining(references),
    )
  })

  it('leaves dialect and address of its schemas to the document', () => {
    for (const node of nodes(document)) {
      expect(node).not.toHaveProperty('$schema')
      expect(node).not.toHaveProperty('$id')
    }
  })

  it('has schemas that compile', () => {
    const $defs = JSON.parse(
      JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
    ) as Record<string, never>
    const names = Object.keys($defs)
    expect(names.length).toBeGreaterThan(15)
    const compiled = (name: string) => z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs })
    for (const name of names) expect(() => compiled(name)).not.toThrow()
    const request = compiled('LinkRequests')
    expect(request.safeParse({ path: '/files/a', ip: [1, '::1'] }).success).toBe(true)
    expect(request.safeParse([{ path: '/files/a' }]).success).toBe(true)
    expect(request.safeParse({ path: '/files/a', other: 1 }).success).toBe(false)
  })

  it('has one name, a summary and the scope of every operation', () => {
    const ids = operations().map((operation) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { summary, security } of operations()) {
      expect(summary).not.toBe('')
      expect(security).toBeInstanceOf(Array)
    }
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
    for (const { responses, security, requestBody } of operations()) {
      const expected = [
        '500',
        ...(security.length > 0 ? ['401', '403'] : []),
        ...(requestBody ? ['400', '413', '415', '422'] : []),
      ]
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(expected))
      expect(Object.values(responses).map(({ description }) => description)).not.toContain('')
      const errors = Object.entries(responses).filter(([status]) => Number(status) >= 400)
      for (const [, { content }] of errors) {
        expect(content).toEqual({
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        })
      }
    }
  })
})
