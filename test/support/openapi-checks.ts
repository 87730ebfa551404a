import { expect } from 'vitest'
import { z } from 'zod'

export interface OpenApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly security: Record<string, string[]>[]
  readonly parameters?: { name: string; in: string; required: boolean; schema: object }[]
  readonly requestBody?: { required: boolean; content: Record<string, { schema: object }> }
  readonly responses: Record<
    string,
    { description: string; content?: Record<string, { schema: object }> }
  >
}

export interface OpenApiDocument {
  readonly openapi: string
  readonly info: { title: string; version: string }
  readonly servers?: { url: string }[]
  readonly paths: Record<string, Record<string, OpenApiOperation>>
  readonly components: {
    schemas: Record<string, Record<string, unknown>>
    securitySchemes: Record<string, Record<string, unknown>>
  }
}

export function operationsOf({ paths }: OpenApiDocument): OpenApiOperation[] {
  return Object.values(paths).flatMap((methods) => Object.values(methods))
}

/** What holds for every document, whatever API it describes. */
export function expectOpenApi(document: OpenApiDocument): void {
  expect(document.openapi).toBe('3.1.0')
  expect(document.info.title).not.toBe('')
  for (const node of nodes(document)) {
    // dialect and address of a schema are the document's
    expect(node).not.toHaveProperty('$schema')
    expect(node).not.toHaveProperty('$id')
  }
  expectResolved(document)
  const operations = operationsOf(document)
  const ids = operations.map(({ operationId }) => operationId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const operation of operations) expectDescribed(operation, document)
  for (const [path, methods] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const { parameters = [] } of Object.values(methods)) {
      const declared = parameters.filter((parameter) => parameter.in === 'path')
      expect(declared.map(({ name }) => name)).toEqual(names)
      expect(declared.every(({ required }) => required)).toBe(true)
    }
  }
  expectSchemas(document)
}

function expectResolved(document: OpenApiDocument): void {
  const known = Object.keys(document.components.schemas)
  for (const { $ref } of nodes(document)) {
    if (typeof $ref !== 'string') continue
    expect(known.map((name) => `#/components/schemas/${name}`)).toContain($ref)
  }
}

function expectDescribed(operation: OpenApiOperation, { components }: OpenApiDocument): void {
  expect(operation.summary).not.toBe('')
  expect(operation.security).toBeInstanceOf(Array)
  for (const requirement of operation.security) {
    expect(Object.keys(components.securitySchemes)).toEqual(
      expect.arrayContaining(Object.keys(requirement)),
    )
  }
  expect(Object.keys(operation.responses)).not.toEqual([])
  for (const [status, { description }] of Object.entries(operation.responses)) {
    expect(status).toMatch(/^[1-5]\d\d$/)
    expect(description).not.toBe('')
  }
}

/** Every schema is one that another reader of JSON Schema compiles. */
function expectSchemas(document: OpenApiDocument): void {
  const text = JSON.stringify(document).replaceAll('#/components/schemas/', '#/$defs/')
  const { components, paths } = JSON.parse(text) as OpenApiDocument
  const $defs = components.schemas as Record<string, never>
  const schemas = [
    ...Object.values(components.schemas),
    ...operationsOf({ ...document, paths }).flatMap(({ parameters, requestBody, responses }) => [
      ...(parameters ?? []).map(({ schema }) => schema),
      ...[requestBody, ...Object.values(responses)].flatMap((part) =>
        Object.values(part?.content ?? {}).map(({ schema }) => schema),
      ),
    ]),
  ]
  for (const schema of schemas) {
    const where = JSON.stringify(schema)
    expect(() => z.fromJSONSchema({ ...schema, $defs }), where).not.toThrow()
  }
}

/** Every object in a value, the value itself among them. */
function* nodes(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return
  yield value as Record<string, unknown>
  for (const member of Object.values(value)) yield* nodes(member)
}
