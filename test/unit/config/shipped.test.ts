import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { jsonSchemaFiles } from '../../../src/config/json-schema.ts'
import { loadConfig } from '../../../src/config/load.ts'

const CONFIG = join(import.meta.dirname, '../../../config')

describe('the shipped config folder', () => {
  it('has no problem and serves the library with both native schemes', () => {
    const { config, policies, problems } = loadConfig({ file: join(CONFIG, 'gateway.yaml') })
    expect(problems).toEqual([])
    expect(config?.routes).toEqual([
      {
        path: '/files/',
        origin: 'library',
        schemes: [{ name: 'sluice-hmac' }, { name: 'sluice-jwt' }],
        policy: 'default',
      },
    ])
    expect(config?.server.publicUrl).toBe('http://127.0.0.1:8080')
    expect(policies.has('default')).toBe(true)
  })

  it.each([...jsonSchemaFiles()])(
    'holds the %s of the code (else run node src/config/json-schema.ts)',
    (name, text) => {
      expect(readFileSync(join(CONFIG, name), 'utf8')).toBe(text)
    },
  )

  it('is what gateway.schema.json lets editors accept, with the options of each format', () => {
    const schema = z.fromJSONSchema(
      JSON.parse(
        jsonSchemaFiles().get('gateway.schema.json') ?? '',
      ) as z.core.JSONSchema.JSONSchema,
    )
    const shipped = parse(readFileSync(join(CONFIG, 'gateway.yaml'), 'utf8')) as object
    const accepts = (scheme: unknown): boolean =>
      schema.safeParse({
        ...shipped,
        routes: [{ path: '/a/', origin: 'library', schemes: [scheme] }],
      }).success
    expect(schema.safeParse(shipped).success).toBe(true)
    expect(['sluice-hmac', { name: 'sluice-jwt', issuer: 'i' }].map(accepts)).toEqual([true, true])
    expect(
      ['jwt', { name: 'sluice-hmac', issuer: 'i' }, { name: 'sluice-jwt', isuer: 'i' }].map(
        accepts,
      ),
    ).toEqual([false, false, false])
  })

  it.each([...jsonSchemaFiles()])('describes every field in %s', (_name, text) => {
    const undescribed: string[] = []
    JSON.parse(text, function (this: unknown, key: string, value: unknown) {
      if (key === 'properties') {
        for (const [field, schema] of Object.entries(
          value as Record<string, { description?: string }>,
        )) {
          if (!schema.description) undescribed.push(field)
        }
      }
      return value
    })
    expect(undescribed).toEqual([])
  })
})
