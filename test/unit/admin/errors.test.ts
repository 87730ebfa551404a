import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { GatewayError } from '../../../src/base/failure.ts'
import { type AdminFixture, startAdmin } from './fixture.ts'

let admin: AdminFixture
beforeEach(async () => {
  admin = await startAdmin()
})
afterEach(() => admin.close())

it.each(['/nothing', '/v1', '/v1/link', '/V1/links', '/v1/links/a/b/report', '/%ff', '/%'])(
  'the unknown path %s is 404, with a token and without',
  async (path) => {
    for (const as of ['all', 'nobody'] as const) {
      const { status, json } = await admin.call('GET', path, { as })
      expect([status, json['code']]).toEqual([404, 'not_found'])
    }
  },
)

it.each([
  ['GET', '/v1/links', 'POST'],
  ['PUT', '/v1/revocations', 'GET, HEAD, POST'],
  ['OPTIONS', '/v1/revocations/x', 'DELETE, GET, HEAD'],
  ['POST', '/healthz', 'GET, HEAD'],
  ['TRACE', '/', 'GET, HEAD'],
])('%s %s is 405 and allows %s', async (method, path, allow) => {
  const { status, json, headers } = await admin.call(method, path)
  expect([status, json['code'], headers['allow']]).toEqual([405, 'method_not_allowed', allow])
})

it.each(['{', '{"path":}', "{'path': 1}", '{"__proto__": {}}', ' ', 'undefined'])(
  'the body %s is malformed JSON',
  async (raw) => {
    const { status, json, text } = await admin.call('POST', '/v1/links', { raw })
    expect([status, json['code']]).toEqual([400, 'malformed_json'])
    expect(text).not.toContain('__proto__')
  },
)

it('a body that is neither object nor array is JSON, but not what is asked for', async () => {
  for (const raw of ['null', '5', '"x"', 'true']) {
    expect((await admin.call('POST', '/v1/links', { raw })).status).toBe(422)
  }
})

it('no body counts as an empty object', async () => {
  const { status, json } = await admin.call('POST', '/v1/links')
  expect([status, json.errors?.[0]?.field]).toEqual([422, 'path'])
  const chunked = { 'transfer-encoding': 'chunked', 'content-type': 'application/json' }
  const empty = await admin.call('POST', '/v1/keys/hmac-1/retire', { headers: chunked })
  expect(empty.status).toBe(200)
})

it('a body over 1 MiB is 413, whole or in chunks, plain or packed', async () => {
  const raw = JSON.stringify({ url: 'x'.repeat(1024 * 1024) })
  const sized = await admin.call('POST', '/v1/links/inspect', { raw })
  expect([sized.status, sized.json['code']]).toEqual([413, 'body_too_large'])
  const endless = await admin.call('POST', '/v1/links/inspect', { raw: raw.repeat(20) })
  expect(endless.status).toBe(413)
  const headers = { 'content-encoding': 'gzip' }
  const packed = await admin.call('POST', '/v1/links/inspect', { raw: gzipSync(raw), headers })
  expect(packed.status).toBe(413)
})

it('a body of exactly 1 MiB is read', async () => {
  const raw = JSON.stringify({ url: 'x' }).padEnd(1024 * 1024, ' ')
  expect((await admin.call('POST', '/v1/links/inspect', { raw })).status).toBe(200)
})

it.each([
  'application/x-www-form-urlencoded',
  'text/plain',
  'application/xml',
  'application/jsonx',
  'nonsense',
  '',
])('the content type %j is 415', async (type) => {
  const { status, json } = await admin.call('POST', '/v1/links', {
    raw: '{"path":"/files/a"}',
    headers: { 'content-type': type },
  })
  expect([status, json['code']]).toEqual([415, 'unsupported_media_type'])
})

it('a charset and a gzip encoding are understood, others are not', async () => {
  const raw = gzipSync('{"path":"/files/a"}')
  const type = { 'content-type': 'application/json; charset=utf-8' }
  const packed = { raw, headers: { ...type, 'content-encoding': 'gzip' } }
  expect((await admin.call('POST', '/v1/links', packed)).status).toBe(201)
  const other = { raw, headers: { ...type, 'content-encoding': 'compress' } }
  expect((await admin.call('POST', '/v1/links', other)).status).toBe(415)
  const broken = { raw: '{}', headers: { ...type, 'content-encoding': 'gzip' } }
  const { status, json } = await admin.call('POST', '/v1/links', broken)
  expect([status, json['code']]).toEqual([400, 'malformed_body'])
})

it('an unexpected failure is 500 without its text, and is reported with the id', async () => {
  const cause = new Error('at /home/secret')
  admin.services.revocations.list = () => {
    throw cause
  }
  const { status, json, text, headers } = await admin.call('GET', '/v1/revocations')
  expect([status, json['code']]).toEqual([500, 'internal_error'])
  expect(text).not.toContain('secret')
  expect(admin.failures).toMatchObject([{ requestId: headers['x-request-id'], error: { cause } }])
})

it('a state that cannot be reached is 503', async () => {
  admin.services.revocations.list = () => {
    throw new GatewayError('ERR_STATE_UNAVAILABLE', 'valkey at 10.0.0.1 is gone')
  }
  const { status, json, text } = await admin.call('GET', '/v1/revocations')
  expect([status, json['code']]).toEqual([503, 'state_unavailable'])
  expect(text).not.toContain('10.0.0.1')
})

it('a caller that goes away in the middle of its body is no failure', async () => {
  await new Promise<void>((resolve) => {
    const socket = connect(admin.port, '127.0.0.1', () => {
      socket.end(
        `POST /v1/links HTTP/1.1\r\nHost: a\r\nAuthorization: ${admin.authorization('links')}\r\n` +
          'Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"path"',
      )
    })
    socket.on('close', () => {
      resolve()
    })
    socket.resume()
  })
  expect((await admin.call('GET', '/healthz')).status).toBe(200)
  expect(admin.failures).toEqual([])
})
