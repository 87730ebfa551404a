import { createHash, createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FakeClock } from '../support/fake-clock.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const SECRET = 'throwawayKey1234'
const SALT = 'throwaway salt'
const BODY = 'the object'

const md5 = (text: string): Buffer => createHash('md5').update(text).digest()
const jwk = (kid: string, alg: string, scheme: string, text: string): object => ({
  kty: 'oct',
  kid,
  alg,
  schemes: [scheme],
  k: Buffer.from(text).toString('base64url'),
})
const route = (scheme: { readonly name: string; readonly [option: string]: unknown }): object => ({
  path: `/${scheme.name}/`,
  origin: 'library',
  schemes: [scheme],
})

/** The first second of a minute. */
const NOW = 1_800_000_000
const E = NOW + 3600
const clock = new FakeClock(NOW)

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({
    clock,
    files: { 'a.txt': BODY, 'w:300/a.txt': BODY, 'a b.txt': BODY },
    routes: [
      route({ name: 'keycdn' }),
      route({ name: 'gcore', ipBound: true }),
      route({ name: 'alibaba-cdn', variant: 'B', ttl: 600 }),
      route({ name: 'laravel-signed-url' }),
      route({ name: 'imgproxy' }),
    ],
    keys: [
      jwk('keycdn-1', 'MD5', 'keycdn', SECRET),
      jwk('gcore-1', 'MD5', 'gcore', SECRET),
      jwk('alibaba-1', 'MD5', 'alibaba-cdn', SECRET),
      jwk('laravel-1', 'HS256', 'laravel-signed-url', SECRET),
      jwk('key', 'HS256', 'imgproxy', SECRET),
      jwk('salt', 'HS256', 'imgproxy', SALT),
    ],
  })
})
afterAll(() => gateway.close())

async function statusOf(target: string): Promise<number> {
  const response = await fetch(gateway.url + target)
  const text = await response.text()
  if (response.status === 200) expect(text).toBe(BODY)
  return response.status
}

describe('links made by the formulas of their vendors open a file', () => {
  it('keycdn', async () => {
    const path = '/keycdn/a%20b.txt'
    const token = md5(`${path}${SECRET}${E}`).toString('base64url')
    expect(await statusOf(`${path}?token=${token}&expire=${E}`)).toBe(200)
    expect(await statusOf(`${path}?token=${token}&expire=${E + 1}`)).toBe(403)
    expect(await statusOf(path)).toBe(401)
  })

  it('gcore, bound to the address of the client', async () => {
    const link = (address: string): string =>
      `/gcore/a.txt?md5=${md5(`${E}/gcore/a.txt${address} ${SECRET}`).toString('base64url')}&expires=${E}`
    expect(await statusOf(link('127.0.0.1'))).toBe(200)
    expect(await statusOf(link('192.0.2.1'))).toBe(403)
  })

  it('alibaba-cdn, stamp and hash in front of the path', async () => {
    const stamp = '202701151600'
    const path = '/alibaba-cdn/a.txt'
    const hash = md5(`${SECRET}${stamp}${path}`).toString('hex')
    expect(await statusOf(`/${stamp}/${hash}${path}`)).toBe(200)
    expect(await statusOf(`/${stamp}/${hash}/alibaba-cdn/b.txt`)).toBe(403)
    expect(await statusOf(`/${stamp}/${hash}/alibaba-cdn/%2fa.txt`)).toBe(400)
  })

  it('laravel-signed-url, over scheme and host as clients call them', async () => {
    const target = `/laravel-signed-url/a.txt?expires=${E}`
    const sign = (url: string): string => createHmac('sha256', SECRET).update(url).digest('hex')
    expect(await statusOf(`${target}&signature=${sign(gateway.url + target)}`)).toBe(200)
    expect(await statusOf(`${target}&signature=${sign(target)}`)).toBe(403)
  })
})

describe('minted links open their file', () => {
  const mint = async (body: object): Promise<Record<string, unknown>> => {
    const response = await gateway.admin('/v1/links', { method: 'POST', body })
    return (await response.json()) as Record<string, unknown>
  }

  it.each([
    ['keycdn', {}],
    ['gcore', { ip: '127.0.0.1' }],
    ['alibaba-cdn', {}],
    ['laravel-signed-url', {}],
  ])('%s', async (name, constraints) => {
    const minted = await mint({ path: `/${name}/a.txt`, expires_in: 1800, ...constraints })
    expect(minted).toMatchObject({ scheme: name, expires_at: NOW + 1800 })
    expect(await statusOf(String(minted['url']).slice(gateway.url.length))).toBe(200)
  })

  it('imgproxy, signed with the key whatever the order of the keys', async () => {
    const minted = await mint({ path: '/imgproxy/a.txt', expires_in: 60 })
    expect(minted).toMatchObject({ scheme: 'imgproxy', kid: 'key' })
    expect(await statusOf(String(minted['url']).slice(gateway.url.length))).toBe(200)
  })

  it('links that write minutes say when they really end, and are not made to be over at once', async () => {
    const path = '/alibaba-cdn/a.txt'
    expect(await mint({ path, expires_in: 119 })).toMatchObject({ expires_at: NOW + 60 })
    expect(await mint({ path, expires_in: 59 })).toMatchObject({
      errors: [{ field: 'expires_in' }],
    })
  })
})
