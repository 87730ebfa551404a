import { randomBytes } from 'node:crypto'
import { CAT } from '@eyevinn/cat'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const CONTENT = 'the bytes of the film'
const SECRET = randomBytes(32)
const HEADER = 'CTA-Common-Access-Token'
const ISSUER = 'portal.example'

/** The package as others use it: with the tags of a CWT around a COSE_Mac0. */
const peer = new CAT({ keys: { cat1: SECRET }, expectCwtTag: true })
const stranger = new CAT({ keys: { cat1: randomBytes(32) }, expectCwtTag: true })

type Claims = Parameters<CAT['generateFromJson']>[0]

const now = (): number => Math.floor(Date.now() / 1000)

async function tokenOf(claims: Claims, signer = peer): Promise<string> {
  const token = await signer.generateFromJson(
    { iss: ISSUER, exp: now() + 600, ...claims },
    { type: 'mac', alg: 'HS256', kid: 'cat1', generateCwtId: true },
  )
  if (token === undefined) throw new Error('no token')
  return token
}

describe('Common Access Tokens of @eyevinn/cat', () => {
  let test: TestGateway

  beforeAll(async () => {
    test = await startTestGateway({
      files: { 'a b.m3u8': CONTENT, 'show/1.ts': CONTENT },
      keys: [
        {
          kty: 'oct',
          k: SECRET.toString('base64url'),
          kid: 'cat1',
          alg: 'HS256',
          schemes: ['cat'],
        },
      ],
      routes: [
        {
          path: '/files/',
          origin: 'library',
          schemes: [{ name: 'cat', issuer: ISSUER, audience: ['edge-1'] }],
        },
      ],
    })
  })

  afterAll(() => test.close())

  const asked = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${test.url}${path}`, { headers })

  async function outcome(answer: Promise<Response>): Promise<string> {
    const response = await answer
    const body = await response.text()
    return response.ok ? body : (JSON.parse(body) as { code: string }).code
  }

  const open = (claims: Claims, path = '/files/a%20b.m3u8'): Promise<string> =>
    tokenOf(claims).then((token) => outcome(asked(path, { [HEADER]: token })))

  it('are taken in a header, a cookie and a parameter', async () => {
    const token = await tokenOf({})
    expect(await outcome(asked('/files/show/1.ts', { [HEADER]: token }))).toBe(CONTENT)
    expect(await outcome(asked('/files/show/1.ts', { cookie: `${HEADER}=${token}` }))).toBe(CONTENT)
    expect(await outcome(asked(`/files/show/1.ts?CAT=${token}`))).toBe(CONTENT)
  })

  it('of a stranger, of another issuer or after their time are not', async () => {
    const token = await tokenOf({}, stranger)
    expect(await outcome(asked('/files/show/1.ts', { [HEADER]: token }))).toBe('link_invalid')
    expect(await open({ iss: 'other' })).toBe('link_invalid')
    expect(await open({ aud: 'edge-2' })).toBe('link_invalid')
    expect(await open({ exp: now() - 600 })).toBe('link_expired')
    expect(await open({ nbf: now() + 600 })).toBe('link_not_yet_valid')
  })

  it.each<[string, Claims, string]>([
    ['a prefix', { catu: { path: { 'prefix-match': '/files/a' } } }, CONTENT],
    ['another prefix', { catu: { path: { 'prefix-match': '/files/b' } } }, 'link_invalid'],
    ['the host', { catu: { host: { 'exact-match': '127.0.0.1' } } }, CONTENT],
    ['an extension', { catu: { extension: { 'exact-match': '.m3u8' } } }, CONTENT],
    ['an expression', { catu: { path: { 'regex-match': ['^/files/.*\\.m3u8$'] } } }, CONTENT],
    ['another method', { catm: ['POST'] }, 'method_not_allowed'],
    ['a network', { catnip: ['127.0.0.0/8'] }, CONTENT],
    ['another network', { catnip: ['192.0.2.0/24', '2001:db8::/32'] }, 'address_not_allowed'],
    ['a header that is missing', { cath: { 'x-tier': { 'exact-match': 'gold' } } }, 'link_invalid'],
    ['the key of TLS', { cattpk: 'aabb' }, 'link_invalid'],
  ])('say %s', async (_what, claims, result) => {
    expect(await open(claims)).toBe(result)
  })

  it('are used once where they say so', async () => {
    const headers = { [HEADER]: await tokenOf({ catreplay: 1 }) }
    expect(await outcome(asked('/files/show/1.ts', headers))).toBe(CONTENT)
    expect(await outcome(asked('/files/show/1.ts', headers))).toBe('link_used')
  })

  it('are renewed in a header and in a cookie, with tokens that the package takes', async () => {
    for (const type of ['header', 'cookie'] as const) {
      const token = await tokenOf({ catr: { type, expadd: 120, deadline: 3600 } })
      const { headers, status } = await asked('/files/show/1.ts', { [HEADER]: token })
      const line = type === 'header' ? headers.get(HEADER) : headers.get('set-cookie')
      const renewed = line?.replace(/^CTA-Common-Access-Token=|;.*$/g, '') ?? ''
      expect([type, status]).toEqual([type, 200])
      const { cat, error } = await peer.validate(renewed, 'mac', { issuer: ISSUER })
      expect([type, error]).toEqual([type, undefined])
      expect(Number(cat?.claims['exp']) - now()).toBeGreaterThan(60)
      expect(await outcome(asked('/files/show/1.ts', { [HEADER]: renewed }))).toBe(CONTENT)
    }
  })

  it('made by the gateway are taken by the package, for their URL alone', async () => {
    const response = await test.admin('/v1/links', {
      method: 'POST',
      body: {
        path: '/files/a%20b.m3u8',
        expires_in: 60,
        ip: ['127.0.0.0/8', '::1'],
        multi_use: false,
      },
    })
    const { url } = (await response.json()) as { url: string }
    const token = new URL(url).searchParams.get('CAT') ?? ''
    const check = (at: string, keys = peer, ip = '127.0.0.1') =>
      keys.validate(token, 'mac', {
        ip,
        issuer: ISSUER,
        audience: ['edge-1'],
        url: new URL(at),
      })
    const { cat, error } = await check(url)
    expect(error).toBeUndefined()
    expect(cat?.claims).toMatchObject({ iss: ISSUER, catreplay: 1 })
    expect((await check(url.replace('a%20b', 'other'))).error).toBeInstanceOf(Error)
    expect((await check(url, peer, '192.0.2.1')).error).toBeInstanceOf(Error)
    await expect(check(url, stranger)).rejects.toThrow()
    expect(await outcome(fetch(url))).toBe(CONTENT)
  })

  it('made by the gateway for a prefix are a cookie', async () => {
    const response = await test.admin('/v1/links', {
      method: 'POST',
      body: { path: '/files/show/*', expires_in: 60 },
    })
    const { url, cookies } = (await response.json()) as {
      url: string
      cookies: Record<string, string>
    }
    const cookie = Object.entries(cookies)
      .map((pair) => pair.join('='))
      .join('; ')
    expect(await outcome(fetch(`${url}1.ts`, { headers: { cookie } }))).toBe(CONTENT)
    expect(await outcome(asked('/files/a%20b.m3u8', { cookie }))).toBe('link_invalid')
  })
})
