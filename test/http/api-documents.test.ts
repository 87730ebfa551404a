import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { API_NAMES } from '../../src/config/apis-schema.ts'
import { expectOpenApi, type OpenApiDocument } from '../support/openapi-checks.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  const all = Object.fromEntries(API_NAMES.map((name) => [name, {}]))
  gateway = await startTestGateway({ config: { apis: { origin: 'library', ...all } } })
})

afterAll(() => gateway.close())

async function documentOf(api: string): Promise<OpenApiDocument> {
  const answer = await fetch(`${gateway.adminUrl}/openapi/${api}.json`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as OpenApiDocument
}

describe.each(API_NAMES)('the document of %s', (api) => {
  it('keeps to OpenAPI 3.1 and describes errors', async () => {
    const document = await documentOf(api)
    expectOpenApi(document)
    expect(document.servers).toEqual([{ url: gateway.url }])
    expect(Object.keys(document.paths)).not.toEqual([])
    for (const methods of Object.values(document.paths)) {
      for (const { responses } of Object.values(methods)) {
        expect(Object.keys(responses).filter((status) => status >= '400')).not.toEqual([])
      }
    }
  })

  it('describes what is served on the public port, and all of it', async () => {
    const { paths } = await documentOf(api)
    for (const [path, methods] of Object.entries(paths)) {
      const sample = path.replace('{format}', 'mp4').replaceAll(/\{\w+\}/g, 'x')
      const answer = await fetch(gateway.url + sample, { method: 'OPTIONS' })
      expect([path, answer.status]).toEqual([path, 204])
      const allowed = answer.headers.get('allow')?.split(', ') ?? []
      const described = Object.keys(methods).map((method) => method.toUpperCase())
      expect(allowed.filter((method) => method !== 'HEAD' && method !== 'OPTIONS')).toEqual(
        described,
      )
    }
  })
})

it('an API that is off has no document', async () => {
  const off = await startTestGateway()
  for (const api of [...API_NAMES, 'unknown']) {
    expect((await fetch(`${off.adminUrl}/openapi/${api}.json`)).status).toBe(404)
  }
  await off.close()
})
