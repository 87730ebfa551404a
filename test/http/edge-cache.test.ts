import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Reply, send } from '../support/http-client.ts'
import { type JoseSigner, makeJoseSigner } from '../support/jose-links.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const NOW = 1_800_000_000
const edge = { cache: 'edge', edge: { maxSeconds: 60, marginSeconds: 5 } }
const KEPT = 'public, max-age=0, s-maxage=60, must-revalidate'
const PRIVATE = 'private, no-store'

let gateway: TestGateway
let jose: JoseSigner
let clock: FakeClock

beforeAll(async () => {
  jose = await makeJoseSigner()
  clock = new FakeClock(NOW)
  gateway = await startTestGateway({
    clock,
    files: { 'a.txt': 'object' },
    keys: [jose.jwk],
    policies: {
      edge: { delivery: edge },
      pages: { delivery: { ...edge, cors: ['https://a.example'] } },
      once: { delivery: edge, uses: { max: 1 } },
    },
    routes: [
      { path: '/files/', origin: 'library', schemes: ['sluice-hmac'] },
      { path: '/jwt/', origin: 'library', policy: 'edge', schemes: ['sluice-jwt'] },
      ...routePerPolicy(['edge', 'pages', 'once']),
    ],
  })
})

afterAll(async () => {
  await gateway.close()
})

const link = (path: string, more: Record<string, string | number> = {}): string =>
  gateway.sign(path, { Expires: NOW + 3600, ...more })

const cacheControl = ({ headers }: Reply): string | undefined => headers['cache-control']

describe('an answer that a shared cache may keep', () => {
  test('says so for whole objects, ranges, HEAD and 304', async () => {
    const uri = link('/edge/a.txt')
    const whole = await send(gateway, uri)
    expect([whole.status, cacheControl(whole)]).toEqual([200, KEPT])
    const part = await send(gateway, uri, { headers: { range: 'bytes=1-2' } })
    expect([part.status, cacheControl(part)]).toEqual([206, KEPT])
    const head = await send(gateway, uri, { method: 'HEAD' })
    expect([head.status, cacheControl(head)]).toEqual([200, KEPT])
    const headers = { 'if-none-match': whole.headers.etag }
    const same = await send(gateway, uri, { headers })
    expect([same.status, cacheControl(same)]).toEqual([304, KEPT])
  })

  test('is kept no longer than its link lives', async () => {
    const uri = link('/edge/a.txt', { Expires: NOW + 30 })
    expect(cacheControl(await send(gateway, uri))).toContain('s-maxage=25,')
    const last = link('/edge/a.txt', { Expires: NOW + 5 })
    expect(cacheControl(await send(gateway, last))).toBe(PRIVATE)
  })

  test('is one for each origin, where scripts of some origins alone may read it', async () => {
    const uri = link('/pages/a.txt')
    expect((await send(gateway, uri)).headers['vary']).toBe('Origin')
    for (const origin of ['https://a.example', 'https://b.example']) {
      const { headers } = await send(gateway, uri, { headers: { origin } })
      expect([headers['cache-control'], headers['vary']]).toEqual([KEPT, 'Origin'])
    }
    expect((await send(gateway, link('/edge/a.txt'))).headers['vary']).toBeUndefined()
  })
})

describe('no shared cache may keep', () => {
  test('what the policy does not give to caches, or counts', async () => {
    expect(cacheControl(await send(gateway, link('/files/a.txt')))).toBe(PRIVATE)
    expect(cacheControl(await send(gateway, link('/once/a.txt')))).toBe(PRIVATE)
  })

  test('what a link opens for one client', async () => {
    const pinned = link('/edge/a.txt', { ip: '127.0.0.1' })
    expect(cacheControl(await send(gateway, pinned))).toBe(PRIVATE)
  })

  test('what a token in a field opens', async () => {
    const token = await jose.token('/jwt/a.txt', { exp: NOW + 3600 })
    const inUrl = await send(gateway, `/jwt/a.txt?token=${token}`)
    expect([inUrl.status, cacheControl(inUrl)]).toEqual([200, KEPT])
    for (const headers of [
      { authorization: `Bearer ${token}` },
      { cookie: `sluice_token=${token}` },
    ]) {
      const reply = await send(gateway, '/jwt/a.txt', { headers })
      expect([reply.status, cacheControl(reply)]).toEqual([200, PRIVATE])
    }
  })

  test('refusals and objects that are not there', async () => {
    const wrong = [
      '/edge/a.txt',
      link('/edge/a.txt', { Expires: NOW - 10 }),
      `${link('/edge/a.txt')}x`,
      link('/edge/none.txt'),
    ]
    for (const uri of wrong) expect(cacheControl(await send(gateway, uri))).toBe('no-store')
    const headers = { range: 'bytes=99-' }
    const unsatisfied = await send(gateway, link('/edge/a.txt'), { headers })
    expect([unsatisfied.status, cacheControl(unsatisfied)]).toEqual([416, 'no-store'])
  })
})
