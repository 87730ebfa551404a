import type { OutgoingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type Reply, send, type SendOptions } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const POLICIES = {
  pinned: { address: { pin: 'first-use' } },
  sharing: { antiFraud: { default: true, sharing: { maxNetworks: 1 } } },
  slowed: {
    antiFraud: {
      default: true,
      sharing: { maxNetworks: 1, action: 'slow', slowBytesPerSecond: 9 },
    },
  },
  countries: { countries: { allow: ['DE'] } },
  networks: { networks: { block: ['203.0.113.0/24'] } },
  pages: { referrers: { allow: ['shop.example'] } },
  once: { uses: { max: 1 } },
  'once-watched': { uses: { max: 1, enforcement: 'observe' } },
  parallel: { parallel: { maxDownloads: 1 } },
  slow: { rate: { bytesPerSecond: 1000 } },
}
const [CLIENT, OTHER] = ['198.51.100.1', '203.0.113.1']

let gateway: TestGateway
let admin: { readonly host: string; readonly port: number }
let jose: JoseSigner
let links = 0

beforeAll(async () => {
  jose = await makeJoseSigner()
  gateway = await startTestGateway({
    files: { 'a.txt': 'object' },
    policies: POLICIES,
    keys: [jose.jwk],
    config: { server: { trustedProxies: ['192.0.2.0/24'] } },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac', 'sluice-jwt'] },
      ...routePerPolicy(Object.keys(POLICIES)),
    ],
  })
  const { hostname, port } = new URL(gateway.adminUrl)
  admin = { host: hostname, port: Number(port) }
})

afterAll(async () => {
  await gateway.close()
})

const link = (path = '/files/a.txt', more: Record<string, string | number> = {}): string =>
  gateway.sign(path, { jti: `decision-${++links}`, ...more })

const token = (): Record<string, string> => ({ 'x-sluice-token': gateway.adminToken })

/** The requests that proxies send, field by field as they send them. */
const DIALECTS = {
  nginx: (uri: string, method: string, client: string): [string, SendOptions] => [
    '/v1/decision',
    {
      headers: {
        ...token(),
        'x-original-uri': uri,
        'x-original-method': method,
        'x-forwarded-for': client,
      },
    },
  ],
  // https://doc.traefik.io/traefik/v3.3/reference/routing-configuration/http/middlewares/forwardauth
  Traefik: (uri: string, method: string, client: string): [string, SendOptions] => [
    '/v1/decision',
    {
      headers: {
        ...token(),
        'user-agent': 'curl/8',
        'x-forwarded-for': client,
        'x-forwarded-host': 'downloads.example.com',
        'x-forwarded-method': method,
        'x-forwarded-port': '443',
        'x-forwarded-proto': 'https',
        'x-forwarded-server': 'traefik-1',
        'x-forwarded-uri': uri,
        'x-real-ip': client,
      },
    },
  ],
  // Caddy rewrites the path alone: the query stays
  Caddy: (uri: string, method: string, client: string): [string, SendOptions] => [
    `/v1/decision${uri.slice(uri.indexOf('?'))}`,
    {
      headers: {
        ...token(),
        'x-forwarded-for': client,
        'x-forwarded-host': 'downloads.example.com',
        'x-forwarded-method': method,
        'x-forwarded-proto': 'https',
        'x-forwarded-uri': uri,
      },
    },
  ],
  // X-Forwarded-For holds Envoy's own address (envoyproxy/envoy issue 21519)
  Envoy: (uri: string, method: string, client: string): [string, SendOptions] => [
    `/v1/decision${uri}`,
    {
      method,
      headers: {
        ...token(),
        'content-length': '0',
        'x-envoy-external-address': client,
        'x-envoy-internal': 'true',
        'x-forwarded-for': '10.0.0.9',
        'x-envoy-expected-rq-timeout-ms': '200',
      },
    },
  ],
} as const

interface Asking {
  readonly dialect?: keyof typeof DIALECTS
  readonly method?: string
  readonly client?: string
  readonly headers?: OutgoingHttpHeaders
}

const ask = (uri: string, asking: Asking = {}): Promise<Reply> => {
  const { dialect = 'nginx', method = 'GET', client = CLIENT, headers } = asking
  const [target, options] = DIALECTS[dialect](uri, method, client)
  return send(admin, target, { ...options, headers: { ...options.headers, ...headers } })
}

const verdict = ({ status, headers }: Reply): [number, unknown] => [
  status,
  headers['x-sluice-reason'],
]

describe.each(Object.keys(DIALECTS) as (keyof typeof DIALECTS)[])('%s', (dialect) => {
  const yes = dialect === 'Envoy' ? 200 : 204

  test('is told that a link opens, and what it says', async () => {
    const end = Math.floor(Date.now() / 1000) + 600
    const uri = link('/files/a.txt', { subject: 'Zoë 1', Expires: end })
    const { status, headers, body } = await ask(uri, { dialect })
    expect([status, body.length]).toEqual([yes, 0])
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-sluice-link-id': `decision-${links}`,
      'x-sluice-kid': gateway.kid,
      'x-sluice-subject': 'Zo%C3%AB%201',
      'x-sluice-path': '/files/a.txt',
      'x-sluice-expires': String(end),
    })
    expect(JSON.stringify(headers)).not.toContain('Signature')
  })

  test('is told the path of the object, as a URL has it', async () => {
    const uri = link('/files/K%C3%A4se%3F%23%25.txt')
    const { status, headers } = await ask(uri, { dialect })
    expect([status, headers['x-sluice-path']]).toEqual([yes, '/files/K%C3%A4se%3F%23%25.txt'])
  })

  test('is told 401 without a link and 403 for any other refusal, by the code that clients may know', async () => {
    const none = await ask('/files/a.txt?x', { dialect })
    expect(verdict(none)).toEqual([401, 'link_missing'])
    expect(none.headers['www-authenticate']).toMatch(/^Bearer/)
    const forged = await ask(
      link().replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
      { dialect },
    )
    expect(verdict(forged)).toEqual([403, 'link_invalid'])
    const late = await ask(link('/files/a.txt', { Expires: 1_000_000_000 }), { dialect })
    expect(verdict(late)).toEqual([403, 'link_expired'])
    expect(late.headers['cache-control']).toBe('no-store')
    expect(JSON.parse(late.body.toString())).toMatchObject({ status: 403, code: 'link_expired' })
  })

  test('hears no for other methods, paths without a route and hostile paths', async () => {
    const uri = link()
    expect(verdict(await ask(uri, { dialect, method: 'DELETE' }))).toEqual([
      403,
      'method_not_allowed',
    ])
    expect(verdict(await ask('/other/a.txt?x', { dialect }))).toEqual([403, 'route_not_found'])
    const hostile = uri.replace('/files/', '/files/..%2ffiles/')
    expect(verdict(await ask(hostile, { dialect }))).toEqual([403, 'path_invalid'])
  })

  test('tells for whom it asks', async () => {
    const uri = link('/files/a.txt', { ip: CLIENT })
    expect((await ask(uri, { dialect })).status).toBe(yes)
    expect(verdict(await ask(uri, { dialect, client: OTHER }))).toEqual([
      403,
      'address_not_allowed',
    ])
    // nobody is named: an address of the proxy's own must not do
    expect(verdict(await ask(uri, { dialect, client: '' }))).toEqual([403, 'address_not_allowed'])
  })

  test('is not led astray by fields that the client wrote', async () => {
    const [open, shut] = [link(), '/files/secret.txt?x']
    const lies = [
      { 'x-original-uri': open, 'x-original-method': 'GET' },
      { 'x-forwarded-uri': open, 'x-forwarded-method': 'GET' },
    ]
    for (const headers of lies) {
      const own = Object.keys(headers)[0] ?? ''
      if (own in ((DIALECTS[dialect](shut, 'GET', CLIENT)[1].headers ?? {}) as object)) continue
      const { status } = await ask(shut, { dialect, headers })
      expect([403, 401]).toContain(status)
      expect((await ask(open, { dialect, headers })).status).toBe(yes)
    }
  })

  test("lets the client's own Authorization hold a link", async () => {
    const jwt = await jose.token('/files/a.txt')
    const headers = { authorization: `Bearer ${jwt}` }
    expect((await ask('/files/a.txt?', { dialect, headers })).status).toBe(yes)
    const wrong = { authorization: `Bearer ${jwt.slice(0, -4)}AAAA` }
    expect((await ask('/files/a.txt?', { dialect, headers: wrong })).status).toBe(403)
  })
})

describe('who asks', () => {
  test('shows a token with the scope read', async () => {
    const uri = link()
    for (const wrong of ['', 'x', `${gateway.adminToken}x`]) {
      const reply = await ask(uri, { headers: { 'x-sluice-token': wrong } })
      expect(reply.status).toBe(401)
      expect(JSON.parse(reply.body.toString())).toMatchObject({ code: 'unauthorized' })
    }
  })

  test('may show it in Authorization, which is then not the client’s', async () => {
    const headers = {
      authorization: `Bearer ${gateway.adminToken}`,
      'x-original-uri': link(),
      'x-original-method': 'GET',
    }
    expect((await send(admin, '/v1/decision', { headers })).status).toBe(204)
    // a client that wrote the field itself has no token in it
    const client = { ...headers, authorization: 'Bearer x' }
    expect((await send(admin, '/v1/decision', { headers: client })).status).toBe(401)
  })

  test.each([
    ['no path', {}],
    [
      'an empty method',
      { 'x-original-uri': '/files/a.txt', 'x-original-method': '' },
      'method_not_allowed',
    ],
    [
      'a method that the other family contradicts',
      { 'x-original-uri': '/files/a.txt', 'x-forwarded-method': 'HEAD' },
    ],
    ['no path behind the host', { 'x-original-uri': 'files', 'x-original-method': 'GET' }],
  ])('and says %s gets no yes', async (_, fields, code = 'request_invalid') => {
    const headers = { ...token(), ...fields }
    const reply = await send(admin, '/v1/decision', { headers })
    expect(verdict(reply)).toEqual([403, code])
  })

  test.each(['x-original-uri', 'x-forwarded-uri'])(
    'and tells nothing but the path, in %s, asks for a GET of nobody known',
    async (field) => {
      const told = async (uri: string, fields: OutgoingHttpHeaders = {}): Promise<unknown[]> => {
        const headers = { authorization: `Bearer ${gateway.adminToken}`, [field]: uri, ...fields }
        return verdict(await send(admin, '/v1/decision', { headers }))
      }
      expect(await told(link())).toEqual([204, undefined])
      expect(await told(link(), { 'x-forwarded-method': 'GET' })).toEqual([204, undefined])
      expect(await told('/files/a.txt')).toEqual([401, 'link_missing'])
      expect(await told(link().replace('a.txt', 'b.txt'))).toEqual([403, 'link_invalid'])
      expect(await told(link('/files/a.txt', { ip: '127.0.0.1' }))).toEqual([
        403,
        'address_not_allowed',
      ])
    },
  )

  test('may name the client in X-Real-IP, which X-Forwarded-For overrides', async () => {
    const uri = link('/files/a.txt', { ip: CLIENT })
    const asked = async (fields: OutgoingHttpHeaders): Promise<unknown[]> => {
      const headers = { ...token(), 'x-original-uri': uri, ...fields }
      return verdict(await send(admin, '/v1/decision', { headers }))
    }
    expect(await asked({ 'x-real-ip': CLIENT })).toEqual([204, undefined])
    for (const fields of [
      { 'x-real-ip': OTHER },
      { 'x-real-ip': CLIENT, 'x-forwarded-for': OTHER },
      { 'x-real-ip': CLIENT, 'x-forwarded-for': '' },
    ]) {
      expect(await asked(fields)).toEqual([403, 'address_not_allowed'])
    }
    expect(await asked({ 'x-real-ip': [CLIENT, CLIENT] })).toEqual([403, 'request_invalid'])
  })

  test('and says a field twice, or two chains of addresses, gets no yes', async () => {
    const uri = link()
    const twice = { ...token(), 'x-original-uri': [uri, uri], 'x-original-method': 'GET' }
    expect(verdict(await send(admin, '/v1/decision', { headers: twice }))[0]).toBe(403)
    const headers = { forwarded: `for=${OTHER}` }
    expect(verdict(await ask(uri, { headers }))).toEqual([403, 'request_invalid'])
  })

  test('may stand behind proxies that are trusted', async () => {
    const uri = link('/files/a.txt', { ip: CLIENT })
    expect((await ask(uri, { client: `${CLIENT}, 192.0.2.7` })).status).toBe(204)
    expect((await ask(uri, { client: `${CLIENT}, ${OTHER}` })).status).toBe(403)
  })
})

describe('rules', () => {
  test.each([
    ['countries', { client: '5.9.0.1' }, { client: '8.8.8.8' }, 'country_not_allowed'],
    ['networks', {}, { client: OTHER }, 'network_blocked'],
    [
      'pages',
      { headers: { referer: 'https://shop.example/x' } },
      { headers: { referer: 'https://else.example/' } },
      'referrer_not_allowed',
    ],
  ])('of %s bind', async (policy, open, shut, code) => {
    const uri = link(`/${policy}/a.txt`)
    expect((await ask(uri, open)).status).toBe(204)
    expect(verdict(await ask(uri, shut))).toEqual([403, code])
  })

  test('a revoked link is refused from the next request on', async () => {
    const uri = link()
    expect((await ask(uri)).status).toBe(204)
    await gateway.admin('/v1/revocations', {
      method: 'POST',
      body: { link_id: `decision-${links}` },
    })
    expect(verdict(await ask(uri))).toEqual([403, 'link_revoked'])
  })

  test('the first yes pins a link, and counts its network', async () => {
    for (const [policy, code] of [
      ['pinned', 'address_not_allowed'],
      ['sharing', 'link_shared'],
    ] as const) {
      const uri = link(`/${policy}/a.txt`)
      // who only looks counts nothing
      expect((await ask(uri, { client: OTHER, method: 'HEAD' })).status).toBe(204)
      expect((await ask(uri)).status).toBe(204)
      expect(verdict(await ask(uri, { client: OTHER }))).toEqual([403, code])
      expect((await ask(uri)).status).toBe(204)
    }
  })

  test('what only the sender of the bytes can keep is refused, but observed where the policy observes', async () => {
    const refused = [403, 'link_invalid']
    expect(verdict(await ask(link('/once/a.txt')))).toEqual(refused)
    expect(verdict(await ask(link('/parallel/a.txt')))).toEqual(refused)
    expect(verdict(await ask(link('/files/a.txt', { multi_use: 'false' })))).toEqual(refused)
    expect(verdict(await ask(link('/files/a.txt', { max_parallel_downloads: 2 })))).toEqual(refused)
    expect(verdict(await ask(link('/files/a.txt', { autograph_tag: 'x' })))).toEqual(refused)
    expect((await ask(link('/once-watched/a.txt'))).status).toBe(204)
  })

  test('a rate is for the proxy to keep', async () => {
    expect((await ask(link('/slow/a.txt'))).headers['x-sluice-rate']).toBe('1000')
    expect((await ask(link('/slow/a.txt', { rate: 200 }))).headers['x-sluice-rate']).toBe('200')
    expect((await ask(link())).headers['x-sluice-rate']).toBeUndefined()
    const uri = link('/slowed/a.txt')
    expect((await ask(uri)).headers['x-sluice-rate']).toBeUndefined()
    expect((await ask(uri, { client: OTHER })).headers['x-sluice-rate']).toBe('9')
  })

  test('no place is held and no download begun', async () => {
    const uri = link()
    for (let i = 0; i < 40; i++) expect((await ask(uri)).status).toBe(204)
    const { downloads } = (await (await gateway.admin('/v1/downloads')).json()) as {
      downloads: unknown[]
    }
    expect(downloads).toEqual([])
    expect((await send(gateway, uri)).status).toBe(200)
  })
})

test('a decision leaves a record of the request that was asked about', async () => {
  const jti = 'recorded-decision'
  await ask(gateway.sign('/files/a.txt', { jti, Expires: 1_000_000_000 }), { method: 'HEAD' })
  await eventually('the record is written', async () =>
    (await gateway.records(1)).some(({ link_id }) => link_id === jti),
  )
  const record = (await gateway.records(1)).find(({ link_id }) => link_id === jti)
  expect(record).toMatchObject({
    route: '/v1/decision',
    policy: 'default',
    method: 'HEAD',
    path: '/files/a.txt',
    client: CLIENT,
    status: 403,
    decision: 'deny',
    reason: 'link_expired',
    bytes: 0,
    ended_by: 'complete',
  })
  expect(JSON.stringify(await gateway.records(1))).not.toContain(gateway.adminToken)
})
