import { createRequire } from 'node:module'
import cloudinary from 'cloudinary'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

interface TokenOptions {
  readonly key: string
  /** Milliseconds. */
  readonly time?: number
  /** Seconds. */
  readonly window?: number
  readonly acl?: string
  readonly ip?: string
  readonly session?: string
  readonly data?: string
}

const require = createRequire(import.meta.url)
/** The library has no types. */
const { default: Akamai } = require('akamai-auth-token') as {
  readonly default: new (options: TokenOptions) => { generateToken(): string }
}

const CONTENT = 'the bytes of the film'
/** The library reads a key byte above 7f as two. */
const KEY = '0102030405060708090a0b0c0d0e0f10'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    files: { 'a b.mp4': CONTENT, 'show/1.ts': CONTENT, 'show/2.ts': CONTENT },
    keys: [
      {
        kty: 'oct',
        kid: 'edge',
        alg: 'HS256',
        schemes: ['akamai-edgeauth'],
        k: Buffer.from(KEY, 'hex').toString('base64url'),
      },
    ],
    routes: [
      { path: '/akamai/', origin: 'library', schemes: ['akamai-edgeauth'] },
      {
        path: '/cloudinary/',
        origin: 'library',
        schemes: [
          {
            name: 'akamai-edgeauth',
            tokenName: '__cld_token__',
            escapeEarly: true,
            aclEscaped: true,
          },
        ],
      },
    ],
  })
})

afterAll(() => gateway.close())

const seconds = (): number => Math.floor(Date.now() / 1000)

async function fetched(target: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(gateway.url + target, { headers })
  const body = await response.text()
  return response.ok ? body : (JSON.parse(body) as { code: string }).code
}

describe('tokens of akamai-auth-token', () => {
  const tokenOf = (more: Partial<TokenOptions>): string =>
    new Akamai({ key: KEY, window: 600, acl: '/akamai/show/*', ...more }).generateToken()

  it('open what their acl covers, in the query, a cookie or a header', async () => {
    const token = tokenOf({})
    expect(await fetched(`/akamai/show/1.ts?__token__=${token}`)).toBe(CONTENT)
    expect(await fetched(`/akamai/show/2.ts?__token__=${encodeURIComponent(token)}`)).toBe(CONTENT)
    expect(await fetched('/akamai/show/1.ts', { cookie: `__token__=${token}` })).toBe(CONTENT)
    expect(await fetched('/akamai/show/1.ts', { __token__: token })).toBe(CONTENT)
    expect(await fetched(`/akamai/a%20b.mp4?__token__=${token}`)).toBe('link_invalid')
  })

  it('hold for their time, client and key', async () => {
    const ask = (more: Partial<TokenOptions>): Promise<string> =>
      fetched(`/akamai/show/1.ts?__token__=${tokenOf(more)}`)
    expect(await ask({ ip: '127.0.0.1', session: 's-1', data: 'gold' })).toBe(CONTENT)
    expect(await ask({ ip: '192.0.2.1' })).toBe('address_not_allowed')
    expect(await ask({ time: Date.now() - 3_600_000 })).toBe('link_expired')
    expect(await ask({ time: Date.now() + 3_600_000 })).toBe('link_not_yet_valid')
    expect(await ask({ key: KEY.replace('01', '02') })).toBe('link_invalid')
  })

  it('are byte for byte those that the gateway mints', async () => {
    const nbf = seconds()
    const body = { path: '/akamai/show/*', expires_at: nbf + 600, nbf, jti: 's-1' }
    const minted = await gateway.admin('/v1/links', { method: 'POST', body })
    const token = tokenOf({ time: nbf * 1000, session: 's-1' })
    expect(await minted.json()).toMatchObject({
      url: `${gateway.url}/akamai/show/?__token__=${token}`,
      id: 's-1',
    })
  })
})

describe('tokens of Cloudinary', () => {
  const tokenOf = (more: object): string =>
    // its types ask for an acl even beside a url
    cloudinary.v2.utils.generate_auth_token({
      key: KEY,
      duration: 600,
      ...more,
    } as cloudinary.AuthTokenApiOptions)

  it('open what their acl covers', async () => {
    const token = tokenOf({ acl: ['/cloudinary/x/*', '/cloudinary/show/*'] })
    expect(await fetched(`/cloudinary/show/1.ts?${token}`)).toBe(CONTENT)
    expect(await fetched('/cloudinary/show/1.ts', { cookie: token })).toBe(CONTENT)
    expect(await fetched(`/cloudinary/a%20b.mp4?${token}`)).toBe('link_invalid')
  })

  it('open the one URL that they were made for', async () => {
    const token = tokenOf({ url: '/cloudinary/a b.mp4' })
    expect(await fetched(`/cloudinary/a%20b.mp4?${token}`)).toBe(CONTENT)
    expect(await fetched(`/cloudinary/show/1.ts?${token}`)).toBe('link_invalid')
  })

  it('hold for their time and client', async () => {
    const ask = (more: object): Promise<string> =>
      fetched(`/cloudinary/show/1.ts?${tokenOf({ acl: '/cloudinary/*', ...more })}`)
    expect(await ask({ ip: '127.0.0.1' })).toBe(CONTENT)
    expect(await ask({ ip: '192.0.2.1' })).toBe('address_not_allowed')
    expect(await ask({ start_time: seconds() - 3600 })).toBe('link_expired')
    expect(await ask({ start_time: seconds() + 3600 })).toBe('link_not_yet_valid')
  })
})
