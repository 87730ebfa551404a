import { createHmac, createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256 } from '../../src/base/bytes.ts'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openDownload, type Reply, send } from '../support/http-client.ts'
import { NOW } from '../support/request-parts.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const API = '/client/v4/accounts/acc/stream'
const BEARER = { authorization: 'Bearer stream-token' }
const FILM = randomBytes(100_000)
const LARGE = randomBytes(16 * 1024 * 1024)
const [US, GB, DE6] = ['8.8.8.8', '212.58.244.1', '2a01:4f8::1']

const clock = new FakeClock(NOW)
let gateway: TestGateway

interface Envelope {
  readonly result: unknown
  readonly success: boolean
  readonly errors: readonly { readonly code: number; readonly message: string }[]
}

beforeAll(async () => {
  gateway = await startTestGateway({
    clock,
    files: { 'film.mp4': FILM, 'large.mp4': LARGE, 'sound.m4a': 'sound' },
    config: {
      server: { trustedProxies: ['127.0.0.1'] },
      apis: { origin: 'library', stream: {} },
    },
    clients: [
      { id: 'ops', tokenSha256: sha256('stream-token').toString('hex'), scopes: ['stream'] },
      { id: 'poor', tokenSha256: sha256('poor-token').toString('hex'), scopes: ['ibm'] },
    ],
  })
  const film = { filename: 'Holiday.mp4', origin: 'library', object: 'film.mp4' }
  await put('open', { ...film, renditions: { m4a: { object: 'sound.m4a' } } })
  await put('private', { ...film, require_signed: true })
  await put('large', { ...film, object: 'large.mp4', require_signed: true })
  await put('waiting', { ...film, status: 'processing' })
  for (const id of ['private', 'large']) await call('POST', `/${id}/downloads`)
})

afterAll(async () => {
  await gateway.close()
})

async function put(id: string, body: object): Promise<void> {
  const { status } = await gateway.admin(`/v1/assets/${id}`, { method: 'PUT', body })
  if (status !== 201) throw new Error(`the asset ${id} was answered with ${status}`)
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = BEARER,
): Promise<{ readonly status: number; readonly envelope: Envelope }> {
  const reply = await fetch(gateway.url + API + path, {
    method,
    headers,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  expect(reply.headers.get('content-type')).toBe('application/json')
  return { status: reply.status, envelope: (await reply.json()) as Envelope }
}

interface CreatedKey {
  readonly id: string
  readonly pem: string
  readonly jwk: string
  readonly created: string
}

async function createKey(): Promise<CreatedKey> {
  return (await call('POST', '/keys')).envelope.result as CreatedKey
}

function pemOf({ pem }: CreatedKey): string {
  return Buffer.from(pem, 'base64').toString()
}

/** Signed by `jose`, as a customer's own program does it. */
function sign(key: CreatedKey, claims: JWTPayload = {}): Promise<string> {
  return new SignJWT({ sub: 'private', kid: key.id, exp: NOW + 60, downloadable: true, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: key.id })
    .sign(createPrivateKey(pemOf(key)))
}

function file(who: string, client = GB, query = ''): Promise<Reply> {
  return send(gateway, `/${who}/downloads/default.mp4${query}`, {
    headers: { 'x-forwarded-for': client },
  })
}

describe('a download', () => {
  test('is there from its POST to its DELETE, and not before or after', async () => {
    const path = '/open/downloads'
    expectProblem(await file('open'), 404, 'object_not_found')
    expect((await call('GET', path)).envelope.result).toEqual({})
    const url = `${gateway.url}/open/downloads/default.mp4`
    const expected = { default: { status: 'ready', url, percentComplete: 100 } }
    expect(await call('POST', path)).toEqual({
      status: 200,
      envelope: { result: expected, success: true, errors: [], messages: [] },
    })
    expect((await call('GET', path)).envelope.result).toEqual(expected)
    const reply = await file('open')
    expect(reply.status).toBe(200)
    expect(reply.body.equals(FILM)).toBe(true)
    expect(reply.headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-disposition': 'attachment; filename="Holiday.mp4"',
      'accept-ranges': 'bytes',
    })
    expect((await call('DELETE', path)).envelope).toMatchObject({ result: 'ok', success: true })
    expect((await call('GET', path)).envelope.result).toEqual({})
    expectProblem(await file('open'), 404, 'object_not_found')
  })

  test('of the sound is a file of its own', async () => {
    const { envelope } = await call('POST', '/open/downloads/audio')
    const url = `${gateway.url}/open/downloads/audio.m4a`
    expect(envelope.result).toEqual({ audio: { status: 'ready', url, percentComplete: 100 } })
    const reply = await send(gateway, '/open/downloads/audio.m4a')
    expect(reply.headers).toMatchObject({
      'content-type': 'audio/mp4',
      'content-disposition': 'attachment; filename="Holiday.m4a"',
    })
    expect(reply.body.toString()).toBe('sound')
    await call('DELETE', '/open/downloads/audio')
    expectProblem(await send(gateway, '/open/downloads/audio.m4a'), 404, 'object_not_found')
  })

  test('takes a range, HEAD and a file name', async () => {
    await call('POST', '/open/downloads/default')
    const target = '/open/downloads/default.mp4?filename=my-film_2'
    const part = await send(gateway, target, { headers: { range: 'bytes=5-9' } })
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 5-9/100000'])
    expect(part.body.equals(FILM.subarray(5, 10))).toBe(true)
    const head = await send(gateway, target, { method: 'HEAD' })
    expect([head.status, head.body.length]).toEqual([200, 0])
    expect(head.headers).toMatchObject({
      'content-length': '100000',
      'content-disposition': 'attachment; filename="my-film_2.mp4"',
    })
    const wrong = await send(gateway, '/open/downloads/default.mp4?filename=a.mp4')
    expectProblem(wrong, 400, 'query_invalid')
    await call('DELETE', '/open/downloads')
  })

  test('of a video that is not ready is refused', async () => {
    const { status, envelope } = await call('POST', '/waiting/downloads')
    expect(status).toBe(400)
    expect(envelope.errors).toEqual([
      { code: 10005, message: 'Bad Request: the video is not ready. Status: processing' },
    ])
  })
})

describe('errors', () => {
  test('of the API stand in its envelope', async () => {
    const missing = await fetch(`${gateway.url}/accounts/acc/stream/open/downloads`)
    expect(missing.status).toBe(401)
    expect(missing.headers.get('www-authenticate')).toBe('Bearer realm="sluice"')
    const poor = await call('GET', '/open/downloads', undefined, {
      authorization: 'Bearer poor-token',
    })
    expect([poor.status, poor.envelope.errors[0]?.code]).toEqual([403, 10000])
    const wrong = await fetch(gateway.url + API + '/open/downloads', { method: 'PUT' })
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([
      405,
      'GET, POST, DELETE, HEAD, OPTIONS',
    ])
    expect(await wrong.json()).toMatchObject({ success: false, errors: [{ code: 10405 }] })
    for (const bytes of [70_000, 5_000_000]) {
      const large = await call('POST', '/open/token', 'x'.repeat(bytes))
      expect([large.status, large.envelope.errors[0]?.code]).toEqual([413, 10413])
    }
  })

  test('of a file are those of any download', async () => {
    const wrong = await send(gateway, '/open/downloads/default.mp4', { method: 'POST' })
    expectProblem(wrong, 405, 'method_not_allowed')
    expectProblem(await send(gateway, '/open/downloads/other.mp4'), 404, 'route_not_found')
    const browser = await send(gateway, '/private/downloads/default.mp4', {
      headers: { accept: 'text/html' },
    })
    expect([browser.status, browser.headers['content-type']]).toEqual([
      401,
      'text/html; charset=utf-8',
    ])
  })
})

describe('a key', () => {
  test('is handed out once, listed, and published by its public half alone', async () => {
    const key = await createKey()
    expect(key).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      created: new Date(NOW * 1000).toISOString(),
    })
    expect(JSON.parse(Buffer.from(key.jwk, 'base64').toString())).toMatchObject({ kid: key.id })
    const { envelope } = await call('GET', '/keys')
    expect(envelope.result).toContainEqual({ id: key.id, created: key.created })
    expect(JSON.stringify(envelope)).not.toMatch(/pem|jwk/)
    const jwks = await (await fetch(`${gateway.url}/.well-known/jwks.json`)).text()
    expect(jwks).toContain(key.id)
    expect(jwks).not.toContain('"d"')
  })

  test('that is deleted verifies no token any longer', async () => {
    const key = await createKey()
    const token = await sign(key)
    expect((await file(token)).status).toBe(200)
    expect((await call('DELETE', `/keys/${key.id}`)).envelope.result).toBe('ok')
    expectProblem(await file(token), 403, 'link_invalid')
    const again = await call('DELETE', `/keys/${key.id}`)
    expect([again.status, again.envelope.errors[0]?.code]).toEqual([404, 10003])
    expect((await call('DELETE', '/keys/test-hmac')).status).toBe(404)
  })
})

describe('a private video', () => {
  let key: CreatedKey

  beforeAll(async () => {
    key = await createKey()
  })

  test('opens with a downloadable token alone', async () => {
    expectProblem(await file('private'), 401, 'link_missing')
    expectProblem(await file(await sign(key, { downloadable: false })), 403, 'link_invalid')
    const reply = await file(await sign(key), GB, '?filename=x')
    expect([reply.status, reply.headers['content-disposition']]).toEqual([
      200,
      'attachment; filename="x.mp4"',
    ])
    expect(reply.body.equals(FILM)).toBe(true)
  })

  test('and its token end by the clock; times may be text', async () => {
    const text = { exp: `${NOW + 60}`, nbf: `${NOW - 60}` } as unknown as JWTPayload
    expect((await file(await sign(key, text))).status).toBe(200)
    expectProblem(await file(await sign(key, { exp: NOW })), 410, 'link_expired')
    const early = await sign(key, { exp: NOW + 900, nbf: NOW + 600 })
    expectProblem(await file(early), 403, 'link_not_yet_valid')
  })

  test('is not told from no video by a token that proves nothing', async () => {
    const [head, body, signature] = (await sign(key)).split('.')
    const other = Buffer.from('{"sub":"open","exp":9999999999}').toString('base64url')
    const none = Buffer.from(`{"alg":"none","kid":"${key.id}"}`).toString('base64url')
    const hs = Buffer.from(`{"alg":"HS256","kid":"${key.id}"}`).toString('base64url')
    const publicPem = createPublicKey(pemOf(key)).export({ type: 'spki', format: 'pem' })
    const hmac = createHmac('sha256', publicPem).update(`${hs}.${body}`).digest('base64url')
    const foreign = await createKey()
    const replies = await Promise.all(
      [
        `${head}.${other}.${signature}`,
        `${none}.${body}.`,
        `${hs}.${body}.${hmac}`,
        `${head}.${body}`,
        await sign({ ...foreign, id: key.id }),
        await sign({ ...key, id: 'test-hmac' }),
        await sign({ ...key, id: 'f'.repeat(32) }),
      ].map((token) => file(token)),
    )
    for (const reply of replies) expectProblem(reply, 403, 'link_invalid')
    const shapes = replies.map(({ body: shown, headers }) =>
      shown.toString().replace(String(headers['x-request-id']), ''),
    )
    expect(new Set(shapes).size).toBe(1)
  })

  test('keeps the rules of its token, in order', async () => {
    const britain = { type: 'ip.geoip.country', action: 'allow', country: ['GB'] }
    const office = { type: 'ip.src', action: 'allow', ip: ['8.8.8.0/24'] }
    const rest = { type: 'any', action: 'block' }
    const statuses = async (...accessRules: object[]): Promise<number[]> => {
      const token = await sign(key, { accessRules })
      const replies = await Promise.all([GB, US, DE6].map((client) => file(token, client)))
      return replies.map(({ status }) => status)
    }
    expect(await statuses(britain, rest)).toEqual([200, 403, 403])
    expect(await statuses(britain, office, rest)).toEqual([200, 200, 403])
    expect(await statuses(rest, britain)).toEqual([403, 403, 403])
    expect(await statuses({ ...office, action: 'block' })).toEqual([200, 403, 200])
    const token = await sign(key, { accessRules: [britain, rest] })
    expectProblem(await file(token, US), 403, 'country_not_allowed')
    expectProblem(await file(token, '192.168.2.1'), 403, 'country_not_allowed')
  })

  test('is downloaded without its token being written down anywhere', async () => {
    const token = await sign(key, { sub: 'large' })
    const ofTokens = async (): Promise<AccessRecord[]> =>
      (await gateway.records(1)).filter(({ path }) => path === '/~/downloads/default.mp4')
    const before = (await ofTokens()).length
    const open = await openDownload(gateway, `/${token}/downloads/default.mp4`)
    await open.read(1)
    const live = await (await gateway.admin('/v1/downloads')).text()
    expect(live).toContain('cloudflare-stream')
    expect((await open.rest()).body.equals(LARGE)).toBe(true)
    for (const mangled of [`${token}%20`, `x${token}`, `${token}.x`]) {
      expectProblem(await file(mangled), 403, 'link_invalid')
    }
    let records: AccessRecord[] = []
    await eventually('recorded', async () => {
      records = await ofTokens()
      // records of tests before this one may still come in
      return records.length >= before + 4 && records.some(({ bytes }) => bytes === LARGE.length)
    })
    expect(records.find(({ bytes }) => bytes === LARGE.length)).toMatchObject({
      scheme: 'cloudflare-stream',
      route: '/{video}/downloads/default.mp4',
      kid: key.id,
      status: 200,
    })
    const recent = await (await gateway.admin('/v1/records?limit=1000')).text()
    const written = [
      live,
      recent,
      readFileSync(join(gateway.directory, 'access.jsonl'), 'utf8'),
      ...gateway.logged,
    ].join('\n')
    for (const part of token.split('.')) expect(written).not.toContain(part)
  })
})

describe('POST token', () => {
  const payloadOf = (token: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >

  async function tokenFor(body?: unknown): Promise<string> {
    const { status, envelope } = await call('POST', '/private/token', body)
    expect(envelope).toMatchObject({ success: true })
    expect(status).toBe(200)
    return (envelope.result as { token: string }).token
  }

  test('gives an hour without a body, and no right to download', async () => {
    const token = await tokenFor()
    expect(payloadOf(token)).toEqual({
      sub: 'private',
      kid: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      exp: NOW + 3600,
      iat: NOW,
      nbf: NOW - 3600,
    })
    expectProblem(await file(token), 403, 'link_invalid')
  })

  test('gives one that a revocation of all that were issued before leaves alone', async () => {
    const body = { issued_before: NOW }
    const answer = await gateway.admin('/v1/revocations', { method: 'POST', body })
    const { id } = (await answer.json()) as { id: string }
    try {
      expect((await file(await tokenFor({ downloadable: true }))).status).toBe(200)
    } finally {
      await gateway.admin(`/v1/revocations/${id}`, { method: 'DELETE' })
    }
  })

  test('puts in what is asked for', async () => {
    const accessRules = [
      { type: 'ip.geoip.country', action: 'allow', country: ['GB'] },
      { type: 'any', action: 'block' },
    ]
    const body = { downloadable: true, accessRules, exp: NOW + 86_400, nbf: NOW - 1 }
    const token = await tokenFor(body)
    expect(payloadOf(token)).toMatchObject({ sub: 'private', ...body })
    expect((await file(token, GB)).status).toBe(200)
    expectProblem(await file(token, US), 403, 'country_not_allowed')
  })

  test('signs with the key that the caller gives', async () => {
    const key = await createKey()
    for (const pem of [key.pem, pemOf(key)]) {
      const token = await tokenFor({ id: key.id, pem, downloadable: true })
      expect(payloadOf(token)).toMatchObject({ kid: key.id })
      expect((await file(token)).status).toBe(200)
    }
    const other = await createKey()
    for (const body of [
      { id: key.id },
      { pem: key.pem },
      { id: key.id, pem: other.pem },
      { id: key.id, pem: 'no key' },
      { id: 'test-hmac', pem: key.pem },
    ]) {
      const { status, envelope } = await call('POST', '/private/token', body)
      expect([status, envelope.errors[0]?.code]).toEqual([400, 10005])
      expect(JSON.stringify(envelope)).not.toContain(key.pem)
    }
  })

  test.each<[string, unknown]>([
    ['an expiry more than a day ahead', { exp: NOW + 86_401 }],
    ['an expiry that is over', { exp: NOW }],
    ['an expiry in words', { exp: 'tomorrow' }],
    ['a start behind the end', { exp: NOW + 5, nbf: NOW + 5 }],
    [
      'six rules',
      { accessRules: Array.from({ length: 6 }, () => ({ type: 'any', action: 'allow' })) },
    ],
    ['a rule without its list', { accessRules: [{ type: 'ip.src', action: 'block' }] }],
    ['a rule of no type', { accessRules: [{ type: '', action: 'allow' }] }],
    ['downloadable as text', { downloadable: 'true' }],
    ['a member that nobody knows', { downloadble: true }],
    ['no JSON', '{'],
    ['a list', []],
    ['a member twice', '{"exp":1,"exp":2}'],
  ])('refuses %s', async (_name, body) => {
    const { status, envelope } = await call('POST', '/private/token', body)
    expect({ status, envelope }).toMatchObject({
      status: 400,
      envelope: { result: null, success: false, errors: [{ code: 10005 }] },
    })
  })

  test('is for a video that is there', async () => {
    expect((await call('POST', '/nobody/token')).status).toBe(404)
  })
})

test('the first token makes the first key, and calls at once share it', async () => {
  const fresh = await startTestGateway({
    files: { 'film.mp4': FILM },
    config: { apis: { origin: 'library', stream: {} } },
    clients: [{ id: 'ops', tokenSha256: sha256('t').toString('hex'), scopes: ['*'] }],
  })
  try {
    const body = { filename: 'a.mp4', origin: 'library', object: 'film.mp4' }
    await fresh.admin('/v1/assets/v', { method: 'PUT', body })
    const post = (path: string, method = 'POST'): Promise<Response> =>
      fetch(`${fresh.url}/accounts/a/stream${path}`, {
        method,
        headers: { authorization: 'Bearer t' },
      })
    const replies = await Promise.all([post('/v/token'), post('/v/token')])
    expect(replies.map(({ status }) => status)).toEqual([200, 200])
    const { result } = (await (await post('/keys', 'GET')).json()) as { result: unknown[] }
    expect(result).toHaveLength(1)
  } finally {
    await fresh.close()
  }
})
