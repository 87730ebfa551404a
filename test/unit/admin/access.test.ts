import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminEndpoints } from '../../../src/admin/app.ts'
import { type AdminFixture, SCOPES, startAdmin } from './fixture.ts'

let admin: AdminFixture
/** What a proxy asks about: a request with a link. */
let original: Record<string, string>
beforeAll(async () => {
  admin = await startAdmin()
  const { json } = await admin.call('POST', '/v1/links', { body: { path: '/files/a.mp4' } })
  const uri = String(json['url']).replace('https://dl.example', '')
  original = { 'x-original-method': 'GET', 'x-original-uri': uri }
})
afterAll(() => admin.close())

/** By endpoint, the scopes that open it; none: no token is needed. */
const MATRIX: Record<string, readonly string[]> = {
  'POST /v1/links': ['links'],
  'POST /v1/links/inspect': ['read'],
  'GET /v1/links/{id}/report': ['read'],
  'POST /v1/revocations': ['revoke'],
  'GET /v1/revocations': ['read', 'revoke'],
  'GET /v1/revocations/{id}': ['read', 'revoke'],
  'DELETE /v1/revocations/{id}': ['revoke'],
  'GET /v1/downloads': ['read'],
  'DELETE /v1/downloads/{id}': ['revoke'],
  'GET /v1/records': ['read'],
  'GET /v1/keys': ['read', 'keys'],
  'POST /v1/keys': ['keys'],
  'POST /v1/keys/{kid}/retire': ['keys'],
  'GET /v1/stats': ['read'],
  'GET /healthz': [],
  'GET /readyz': [],
  'GET /metrics': [],
  'GET /openapi.json': [],
  'GET /openapi/{api}.json': [],
  'GET /v1/lists': ['lists'],
  'GET /v1/lists/{name}': ['lists'],
  'PUT /v1/lists/{name}/{cidr*}': ['lists'],
  'DELETE /v1/lists/{name}/{cidr*}': ['lists'],
  'GET /v1/assets': ['assets', 'read'],
  'GET /v1/assets/{id}': ['assets', 'read'],
  'PUT /v1/assets/{id}': ['assets'],
  'DELETE /v1/assets/{id}': ['assets'],
  'GET /v1/decision': ['read'],
  'GET /': [],
}

const call = (name: string, as: Parameters<AdminFixture['call']>[2]) => {
  const [method = '', path = ''] = name.split(' ')
  const headers = path === '/v1/decision' ? original : {}
  return admin.call(method, path.replaceAll(/\{\w+\*?\}/g, 'unknown'), { ...as, headers })
}

describe('scopes', () => {
  it('are stated here for every endpoint', () => {
    const names = adminEndpoints().map(({ method, path }) => `${method} ${path}`)
    expect(names.toSorted()).toEqual(Object.keys(MATRIX).toSorted())
  })

  it.each(Object.entries(MATRIX))('%s is open to %j alone', async (name, scopes) => {
    for (const as of SCOPES) {
      const { status, json } = await call(name, { as })
      const isForbidden = scopes.length > 0 && !scopes.includes(as)
      expect([as, status === 403]).toEqual([as, isForbidden])
      expect([as, json['code'] === 'forbidden']).toEqual([as, isForbidden])
    }
    const { status } = await call(name, { as: 'all' })
    expect(status).not.toBe(403)
  })

  it.each(Object.entries(MATRIX))('%s without a token', async (name, scopes) => {
    const { status, json, headers } = await call(name, { as: 'nobody' })
    const isRefused = scopes.length > 0
    expect(status === 401).toBe(isRefused)
    expect(json['code'] === 'unauthorized').toBe(isRefused)
    expect(headers['www-authenticate']).toBe(isRefused ? 'Bearer' : undefined)
  })
})

describe('tokens', () => {
  it.each([
    'Bearer',
    'Bearer ',
    'Bearer unknown-token',
    'Bearer a b',
    'Basic b3BzOnNlY3JldA==',
    'unknown-token',
    `Bearer ${'0'.repeat(64)}`,
  ])('are refused as %j', async (authorization) => {
    const { status, json } = await admin.call('GET', '/v1/stats', { as: { authorization } })
    expect([status, json['code']]).toEqual([401, 'unauthorized'])
  })

  it('are not their hashes', async () => {
    const [token] = admin.services.tokens()
    const authorization = `Bearer ${token?.sha256}`
    expect((await admin.call('GET', '/v1/stats', { as: { authorization } })).status).toBe(401)
  })

  it('that are wrong do not close what needs none', async () => {
    const reply = await admin.call('GET', '/healthz', { as: { authorization: 'Bearer x' } })
    expect(reply.status).toBe(200)
  })

  it('are looked at before the body', async () => {
    const reply = await admin.call('POST', '/v1/links', { as: 'nobody', raw: '{' })
    expect(reply.status).toBe(401)
    expect((await admin.call('POST', '/v1/links', { as: 'read', raw: '{' })).status).toBe(403)
  })
})

describe('endpoints of later work', () => {
  it.each([['GET', '/']])('%s %s is named as not built yet', async (method, path) => {
    const { status, json } = await admin.call(method, path)
    expect([status, json['code']]).toEqual([501, 'not_built_yet'])
    expect(json['detail']).toMatch(new RegExp(`${method} /`))
  })
})
