import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectCommonHeaders } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { type Reply, send, type SendOptions } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { rawExchange } from '../support/raw-http.ts'
import { signTarget, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const body = Buffer.from('the bytes of the object')
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'

let gateway: TestGateway
let origin: GatedOrigin
let jose: JoseSigner

beforeAll(async () => {
  origin = await GatedOrigin.start(body)
  origin.open()
  jose = await makeJoseSigner('RS256')
  gateway = await startTestGateway({
    files: { 'a.txt': body, 'Übergröße 1.mp4': body, noext: body },
    keys: [jose.jwk],
    policies: {
      inline: { delivery: { disposition: 'inline', cors: ['https://app.example'] } },
      get: { methods: ['GET'] },
    },
    config: { origins: { http: { type: 'http', url: origin.url } } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac', 'sluice-jwt'] },
      { path: '/http/', origin: 'http', schemes: ['sluice-hmac', 'sluice-jwt'] },
      { path: '/inline/', origin: 'library', policy: 'inline', schemes: ['sluice-hmac'] },
      { path: '/get/', origin: 'library', policy: 'get', schemes: ['sluice-hmac'] },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await origin.stop()
})

const ask = (target: string, options?: SendOptions): Promise<Reply> =>
  send(gateway, target, options)

/** The headers that do not differ from answer to answer. */
function stable({ headers }: Reply): Record<string, unknown> {
  const { date: _date, 'x-request-id': _id, connection: _c, 'keep-alive': _k, ...rest } = headers
  return rest
}

describe('a success', () => {
  test('carries what RFC 9110 wants', async () => {
    const reply = await ask(gateway.sign('/files/a.txt'))
    expectCommonHeaders(reply)
    expect(reply.headers).toMatchObject({
      'content-length': String(body.length),
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': 'attachment; filename="a.txt"',
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-store',
      etag: expect.stringMatching(/^"[^"]+"$/) as unknown,
    })
    const modified = reply.headers['last-modified'] ?? ''
    expect(new Date(modified).toUTCString()).toBe(modified)
    expect(reply.headers['set-cookie']).toBeUndefined()
    expect(reply.headers['server']).toBeUndefined()
    expect(reply.body.equals(body)).toBe(true)
  })

  test.each([
    {
      path: '/files/%C3%9Cbergr%C3%B6%C3%9Fe%201.mp4',
      more: {},
      says: `attachment; filename="Ubergro_e 1.mp4"; filename*=UTF-8''%C3%9Cbergr%C3%B6%C3%9Fe%201.mp4`,
    },
    {
      path: '/files/a.txt',
      more: { filename: 'b "q".txt' },
      says: 'attachment; filename="b \\"q\\".txt"',
    },
    { path: '/files/a.txt', more: { streaming: 'true' }, says: 'inline; filename="a.txt"' },
    { path: '/files/noext', more: {}, says: 'attachment; filename="noext"' },
    { path: '/inline/a.txt', more: {}, says: 'inline; filename="a.txt"' },
    { path: '/inline/a.txt', more: { streaming: 'false' }, says: 'attachment; filename="a.txt"' },
  ])('$path names its file as $says', async ({ path, more, says }) => {
    const reply = await ask(gateway.sign(path, more))
    expect(reply.status).toBe(200)
    expect(reply.headers['content-disposition']).toBe(says)
  })

  test.each(['/files/a.txt', '/http/a.txt'])('HEAD of %s has the headers of GET', async (path) => {
    const link = gateway.sign(path)
    const head = await ask(link, { method: 'HEAD' })
    const get = await ask(link)
    expect(head.status).toBe(200)
    expect(head.body).toHaveLength(0)
    expect(stable(head)).toEqual(stable(get))
  })
})

test('the record of a download holds all fields, and nothing else', async () => {
  const link = gateway.sign('/files/a.txt', { jti: 'recorded', subject: 'ann' })
  const headers = { range: 'bytes=0-4' }
  const reply = await ask(`${link}&utm_source=x`, { headers, localAddress: '127.0.0.8' })
  let record: unknown
  await eventually('the record is written', async () => {
    record = (await gateway.records(1)).find(({ link_id }) => link_id === 'recorded')
    return record !== undefined
  })
  expect(record).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown,
    request_id: reply.headers['x-request-id'],
    route: '/files/',
    origin: 'library',
    policy: 'default',
    scheme: 'sluice-hmac',
    kid: gateway.kid,
    link_id: 'recorded',
    subject: 'ann',
    client: '127.0.0.8',
    country: null,
    asn: null,
    device: null,
    anti_fraud: false,
    method: 'GET',
    path: '/files/a.txt',
    status: 206,
    decision: 'permit',
    reason: null,
    detail: null,
    observed: null,
    observed_detail: null,
    bytes: 5,
    coverage: Math.round((5 / body.length) * 10_000) / 10_000,
    ended_by: 'complete',
    duration_ms: expect.any(Number) as unknown,
    first_byte_ms: expect.any(Number) as unknown,
  })
})

describe('errors', () => {
  test.each([
    { title: 'no link', target: () => '/files/a.txt' },
    { title: 'a forged link', target: () => `${gateway.sign('/files/a.txt').slice(0, -3)}AAA` },
    { title: 'an expired link', target: () => gateway.sign('/files/a.txt', { Expires: 1 }) },
    { title: 'a missing object', target: () => gateway.sign('/files/none') },
    { title: 'a hostile path', target: () => '/files//a.txt' },
    { title: 'no route', target: () => '/nowhere' },
  ])('HEAD of $title has the headers of GET and no body', async ({ target }) => {
    const link = target()
    const head = await ask(link, { method: 'HEAD' })
    const get = await ask(link)
    expect(head.status).toBe(get.status)
    expect(head.status).toBeGreaterThanOrEqual(400)
    expect(head.body).toHaveLength(0)
    expect(stable(head)).toEqual(stable(get))
  })

  test('a browser that asks for HTML gets a page with code and request id', async () => {
    const reply = await ask('/files/a.txt', { headers: { accept: BROWSER } })
    expect(reply.status).toBe(401)
    expectCommonHeaders(reply)
    expect(reply.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(reply.headers['content-security-policy']).toContain("default-src 'none'")
    expect(reply.headers['cache-control']).toBe('no-store')
    const page = reply.body.toString()
    expect(page).toContain('link_missing')
    expect(page).toContain(reply.headers['x-request-id'])
  })

  test.each([
    undefined,
    '*/*',
    'application/json',
    'application/problem+json, text/html',
    'image/*',
  ])('Accept: %s gets problem+json', async (accept) => {
    const reply = await ask('/files/a.txt', accept === undefined ? {} : { headers: { accept } })
    expect(reply.headers['content-type']).toBe('application/problem+json')
  })

  test('a policy without HEAD says so in Allow', async () => {
    const reply = await ask(gateway.sign('/get/a.txt'), { method: 'HEAD' })
    expect(reply.status).toBe(405)
    expect(reply.headers.allow).toBe('GET, OPTIONS')
  })
})

describe('what an outsider can learn', () => {
  /** The whole answer as bytes, with what must differ taken out. */
  async function bytesOf(target: string): Promise<string> {
    const text = await rawExchange(gateway.port, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const id = /X-Request-Id: (\S+)/i.exec(text)?.[1] ?? ''
    expect(id).not.toBe('')
    return text.replaceAll(id, 'ID').replace(/Date: [^\r]+/, 'Date: D')
  }
  const forgeries = async (path: string): Promise<string[]> => {
    const key = Buffer.alloc(32)
    const token = await jose.token(path)
    const expired = Math.floor(Date.now() / 1000) - 10
    return [
      `${gateway.sign(path).slice(0, -4)}AAAA`,
      signTarget(key, path),
      signTarget(key, path, {}, 'unknown'),
      signTarget(key, path, { Expires: expired }),
      signTarget(key, path, { jti: 'x', multi_use: 'false', ip: '203.0.113.7' }),
      `${path}?Expires=1&KeyId=test-hmac&Signature=`,
      `${path}?KeyId=unknown`,
      `${path}?token=${token.slice(0, -4)}AAAA`,
      `${path}?token=nonsense`,
      `/~${token.replace('.', '..')}${path}`,
      `${gateway.sign(path)}&token=${token}`,
    ]
  }

  test('a forged, malformed, unknown or doubled link looks the same to the byte, whatever it names', async () => {
    const seen = new Set<string>()
    for (const path of ['/files/a.txt', '/files/none.txt', '/http/missing.bin']) {
      for (const target of await forgeries(path)) seen.add(await bytesOf(target))
    }
    expect([...seen]).toEqual([expect.stringMatching(/^HTTP\/1\.1 403 [\s\S]*"link_invalid"/)])
  })

  test('without a link an object that exists looks like one that does not', async () => {
    const there = await bytesOf('/files/a.txt')
    expect(there).toMatch(/^HTTP\/1\.1 401 /)
    expect(await bytesOf('/files/none.txt')).toBe(there)
    expect(await bytesOf('/http/missing.bin')).toBe(there)
  })

  test('the origin hears only of accepted links', async () => {
    const before = origin.server.heads.length
    for (const target of await forgeries('/http/a.txt')) await ask(target)
    await ask('/http/a.txt')
    await ask(gateway.sign('/http/a.txt', { Expires: 1 }))
    await ask(gateway.sign('/http/a.txt', { ip: '203.0.113.7' }))
    expect(origin.server.heads.length).toBe(before)
    expect((await ask(gateway.sign('/http/missing.bin'))).status).toBe(404)
    expect(origin.server.heads.length).toBe(before + 1)
  })
})

describe('CORS', () => {
  const preflight = (path: string, from: string): Promise<Reply> =>
    ask(path, {
      method: 'OPTIONS',
      headers: {
        origin: from,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'range,if-range,authorization',
      },
    })

  test('a preflight needs no link and allows the range headers', async () => {
    const reply = await preflight('/files/a.txt', 'https://any.example')
    expect(reply.status).toBe(204)
    expect(reply.body).toHaveLength(0)
    expect(reply.headers['access-control-allow-origin']).toBe('*')
    expect(reply.headers['access-control-allow-methods']).toMatch(/GET.*HEAD/)
    const allowed = String(reply.headers['access-control-allow-headers']).toLowerCase()
    for (const name of ['range', 'if-range', 'authorization', 'if-none-match']) {
      expect(allowed.split(/, */)).toContain(name)
    }
    expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(reply.headers['allow']).toContain('GET')
  })

  test('a listed origin is named, another is not, and caches are told', async () => {
    const link = gateway.sign('/inline/a.txt')
    for (const target of [link, '/inline/a.txt']) {
      const listed = await ask(target, { headers: { origin: 'https://app.example' } })
      expect(listed.headers['access-control-allow-origin']).toBe('https://app.example')
      expect(listed.headers['access-control-expose-headers']).toContain('Content-Range')
      expect(listed.headers['vary']).toContain('Origin')
      const other = await ask(target, { headers: { origin: 'https://evil.example' } })
      expect(other.headers['access-control-allow-origin']).toBeUndefined()
      expect(other.headers['vary']).toContain('Origin')
    }
    const refused = await preflight('/inline/a.txt', 'https://evil.example')
    expect(refused.headers['access-control-allow-origin']).toBeUndefined()
  })
})

describe('/.well-known/jwks.json', () => {
  test('serves the public half of asymmetric keys, and no secret', async () => {
    const reply = await ask('/.well-known/jwks.json')
    expect(reply.status).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^application\/(jwk-set\+)?json/)
    expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    const { keys } = JSON.parse(reply.body.toString()) as { keys: Record<string, string>[] }
    const published = keys.find((key) => key['kid'] === jose.kid)
    const { n, e } = jose.jwk as Record<string, string>
    expect(published).toMatchObject({ kty: 'RSA', alg: 'RS256', n, e })
    expect(keys.map((key) => key['kid'])).not.toContain(gateway.kid)
    const secrets = keys.flatMap((key) => ['d', 'p', 'q', 'k', 'oth'].filter((name) => name in key))
    expect(secrets).toEqual([])
    const head = await ask('/.well-known/jwks.json', { method: 'HEAD' })
    expect(stable(head)).toEqual(stable(reply))
    expect((await ask('/.well-known/jwks.json', { method: 'POST' })).status).toBe(405)
  })
})
