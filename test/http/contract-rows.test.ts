import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { GatedOrigin } from '../support/gated-origin.ts'
import { openDownload, type Reply, send, type SendOptions } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { RawServer } from '../support/raw-server.ts'
import { signTarget, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const NOW = Math.floor(Date.now() / 1000)

let gateway: TestGateway
let jose: JoseSigner
let gated: GatedOrigin
let silent: RawServer
const tokens: string[] = []
let requests = 0
/** What each row was answered with, for the look at its record. */
const answered: { row: Row; reply: Reply }[] = []

beforeAll(async () => {
  jose = await makeJoseSigner()
  gated = await GatedOrigin.start(Buffer.alloc(100_000, 'g'))
  silent = await RawServer.start(() => {})
  const gone = await RawServer.start(() => {})
  const goneUrl = gone.url
  await gone.stop()
  const native = { schemes: ['sluice-hmac', 'sluice-jwt'] }
  gateway = await startTestGateway({
    files: { 'a.txt': 'the object', 'b.txt': 'another' },
    keys: [jose.jwk],
    policies: {
      networks: { networks: { block: ['127.0.0.0/8'] } },
      referrers: { referrers: { allow: ['shop.example', '*.cdn.example'] } },
      connections: { parallel: { connectionsPerDownload: 1 } },
      short: { lifetime: { maxSeconds: 60 } },
      pinned: { address: { pin: 'required' } },
    },
    config: {
      origins: {
        gated: { type: 'http', url: gated.url },
        gone: { type: 'http', url: goneUrl },
        silent: { type: 'http', url: silent.url, timeoutSeconds: 0.2 },
      },
    },
    routes: [
      { path: '/files/', origin: 'library', ...native },
      { path: '/networks/', origin: 'library', policy: 'networks', ...native },
      { path: '/referrers/', origin: 'library', policy: 'referrers', ...native },
      { path: '/short/', origin: 'library', policy: 'short', ...native },
      { path: '/pinned/', origin: 'library', policy: 'pinned', ...native },
      { path: '/gated/', origin: 'gated', policy: 'connections', ...native },
      { path: '/gone/', origin: 'gone', ...native },
      { path: '/silent/', origin: 'silent', ...native },
    ],
  })
})

afterAll(async () => {
  await gateway.close()
  await gated.stop()
  await silent.stop()
})

/** Signs, and remembers the secret part for the search in the log. */
function sign(path: string, parameters?: Record<string, string | number>): string {
  return remember(gateway.sign(path, parameters))
}

function remember(target: string): string {
  tokens.push(/(?:Signature|token)=([^&]+)/.exec(target)?.[1] ?? target)
  return target
}

async function ask(target: string, options?: SendOptions): Promise<Reply> {
  requests++
  return send(gateway, target, options)
}

interface Row {
  readonly rule: string
  readonly target: () => string | Promise<string>
  readonly options?: SendOptions
  readonly status: number
  readonly code: string
  /** What the record says, where it says more than the answer. */
  readonly reason?: string
  readonly headers?: Record<string, string | RegExp>
  /** `deny` if not said otherwise. */
  readonly decision?: 'permit'
}

const jwt = async (path: string, claims = {}): Promise<string> =>
  remember(`${path}?token=${await jose.token(path, claims)}`)
const changed = (target: string): string => target.slice(0, -1) + (target.endsWith('A') ? 'E' : 'A')
const foreignKey = (): string => remember(signTarget(Buffer.alloc(32), '/files/a.txt'))
const unknownKid = (): string =>
  remember(signTarget(gateway.secret, '/files/a.txt', {}, 'no-such-key'))
const a = '/files/a.txt'

const rows: Row[] = [
  {
    rule: 'no link',
    target: () => a,
    status: 401,
    code: 'link_missing',
    headers: { 'www-authenticate': /^Bearer( |$)/ },
  },
  invalid('a malformed link', 'link_malformed', () => `${a}?Expires=${NOW + 9}&KeyId=test-hmac`),
  invalid('a signature that is no base64url', 'link_malformed', () => `${sign(a)}=`),
  invalid('a changed signature', undefined, () => changed(sign(a))),
  invalid('a signature by another key', 'link_signature_wrong', foreignKey),
  invalid('an unknown key', 'link_key_unknown', unknownKid),
  invalid('a link for another object', 'link_signature_wrong', () =>
    sign(a).replace('a.txt', 'b.txt'),
  ),
  invalid('a token for another object', 'link_resource_mismatch', async () =>
    (await jwt(a)).replace('a.txt', 'b.txt'),
  ),
  invalid('an unknown parameter that is signed', 'link_malformed', () => sign(a, { speed: 1 })),
  invalid('a parameter behind the signature', 'link_malformed', () => `${sign(a)}&extra=1`),
  invalid('two links', 'link_ambiguous', async () => {
    const token = (await jwt(a)).split('?')[1]
    return sign(a, {}).replace('?', `?${token}&`)
  }),
  invalid('a life longer than the policy allows', 'link_lifetime_exceeded', () =>
    jwt('/short/a.txt', { iat: NOW, exp: NOW + 61 }),
  ),
  {
    rule: 'a link that is not yet valid',
    target: () => sign(a, { nbf: NOW + 600 }),
    status: 403,
    code: 'link_not_yet_valid',
  },
  {
    rule: 'an expired link',
    target: () => sign(a, { Expires: NOW - 1 }),
    status: 410,
    code: 'link_expired',
  },
  {
    rule: 'a revoked link',
    target: async () => {
      const body = { link_id: 'withdrawn' }
      const answer = await gateway.admin('/v1/revocations', { method: 'POST', body })
      expect(answer.status).toBe(201)
      return sign(a, { jti: 'withdrawn' })
    },
    status: 410,
    code: 'link_revoked',
  },
  {
    rule: 'a used-up link',
    target: async () => {
      const link = sign(a, { multi_use: 'false' })
      expect((await ask(link)).status).toBe(200)
      return link
    },
    status: 410,
    code: 'link_used',
  },
  denied('a client at another address', 'address_not_allowed', () =>
    sign(a, { ip: '203.0.113.7' }),
  ),
  denied('a link without address where the policy requires one', 'address_not_allowed', () =>
    sign('/pinned/a.txt'),
  ),
  denied('an address that accessRules block', 'address_not_allowed', () =>
    sign(a, { accessRules: '[{"type":"ip.src","action":"block","ip":["127.0.0.0/8"]}]' }),
  ),
  denied('a country rule of a link while no country is known', 'country_not_allowed', () =>
    sign(a, {
      accessRules: '[{"type":"ip.geoip.country","action":"block","country":["ZZ"]}]',
    }),
  ),
  denied('a blocked network', 'network_blocked', () => sign('/networks/a.txt')),
  denied('no Referer where hosts are listed', 'referrer_not_allowed', () =>
    sign('/referrers/a.txt'),
  ),
  denied('another Referer', 'referrer_not_allowed', () => sign('/referrers/a.txt'), {
    headers: { referer: 'https://shop.example.evil.example/' },
  }),
  denied(
    'a prefetch of a one-time link',
    'prefetch_not_allowed',
    () => sign(a, { multi_use: 'false', jti: 'prefetched' }),
    { headers: { 'sec-purpose': 'prefetch' } },
  ),
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'].map((method): Row => ({
    rule: `the method ${method}`,
    target: () => sign(a),
    options: { method },
    status: 405,
    code: 'method_not_allowed',
    headers: { allow: 'GET, HEAD, OPTIONS' },
  })),
  {
    rule: 'a hostile path',
    target: () => `/files/x/%2e%2e/a.txt${sign(a).slice(a.length)}`,
    status: 400,
    code: 'path_invalid',
  },
  {
    rule: 'no such object, after an accepted link',
    target: () => sign('/files/none.txt'),
    status: 404,
    code: 'object_not_found',
    decision: 'permit',
  },
  {
    rule: 'a range behind the end',
    target: () => sign(a),
    options: { headers: { range: 'bytes=10-' } },
    status: 416,
    code: 'range_not_satisfiable',
    headers: { 'content-range': 'bytes */10' },
    decision: 'permit',
  },
  {
    rule: 'a failed precondition',
    target: () => sign(a),
    options: { headers: { 'if-match': '"other"' } },
    status: 412,
    code: 'precondition_failed',
    decision: 'permit',
  },
  {
    rule: 'an origin that is down',
    target: () => sign('/gone/a.txt'),
    status: 502,
    code: 'origin_unreachable',
    decision: 'permit',
  },
  {
    rule: 'an origin that does not answer',
    target: () => sign('/silent/a.txt'),
    status: 504,
    code: 'origin_timeout',
    decision: 'permit',
  },
  {
    rule: 'a path of no route',
    target: () => '/elsewhere/a.txt',
    status: 404,
    code: 'route_not_found',
  },
]

function invalid(rule: string, reason: string | undefined, target: Row['target']): Row {
  const row = { rule, target, status: 403, code: 'link_invalid' }
  return reason === undefined ? row : { ...row, reason }
}

function denied(rule: string, code: string, target: Row['target'], options?: SendOptions): Row {
  return { rule, target, status: 403, code, ...(options && { options }) }
}

describe('each kind of answer', () => {
  test.each(rows)('$rule is answered with $status $code', async (row) => {
    const reply = await ask(await row.target(), row.options)
    expectProblem(reply, row.status, row.code)
    for (const [name, value] of Object.entries(row.headers ?? {})) {
      expect(reply.headers[name]).toEqual(
        typeof value === 'string' ? value : expect.stringMatching(value),
      )
    }
    answered.push({ row, reply })
  })

  test('too many downloads and too many connections are answered with 429 and Retry-After', async () => {
    const link = sign('/gated/one', { max_parallel_downloads: 1 })
    requests++
    const first = await openDownload(gateway, link)
    const other = await ask(link, { localAddress: '127.0.0.2' })
    expectProblem(other, 429, 'too_many_downloads')
    const same = await ask(link)
    expectProblem(same, 429, 'too_many_connections')
    for (const reply of [other, same]) {
      expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
      expect(Number(reply.headers['retry-after'])).toBeLessThanOrEqual(60)
    }
    gated.open()
    expect((await first.rest()).isComplete).toBe(true)
  })

  test('each of them has one record that says what was decided and why', async () => {
    const records = await gateway.records(requests)
    expect(records).toHaveLength(requests)
    expect(answered).toHaveLength(rows.length)
    for (const { row, reply } of answered) {
      const own = records.filter(({ request_id }) => request_id === reply.headers['x-request-id'])
      expect(own, row.rule).toHaveLength(1)
      expect(own[0], row.rule).toMatchObject({
        method: row.options?.method ?? 'GET',
        status: row.status,
        decision: row.decision ?? 'deny',
        bytes: reply.body.length,
        ended_by: 'complete',
        client: '127.0.0.1',
      })
      const byCode = row.code === 'link_invalid' ? /^link_/ : new RegExp(`^${row.code}$`)
      expect(own[0]?.reason, row.rule).toMatch(row.reason === undefined ? byCode : row.reason)
    }
  })

  test('the log holds none of their tokens', async () => {
    await gateway.records(requests)
    const log = readFileSync(join(gateway.directory, 'access.jsonl'), 'utf8')
    expect(tokens.length).toBeGreaterThan(30)
    const [header = ''] = (await jose.token('/files/')).split('.')
    for (const token of [...tokens, header, 'Signature=', 'token=']) {
      expect(log).not.toContain(token)
      expect(gateway.logged.join('\n')).not.toContain(token)
    }
  })
})
