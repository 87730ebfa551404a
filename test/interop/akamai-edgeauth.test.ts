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

interface EdgeAuthOptions {
  readonly key: string
  /** Seconds. */
  readonly startTime?: number
  readonly endTime?: number
  readonly windowSeconds?: number
  readonly ip?: string
  readonly sessionId?: string
  readonly payload?: string
  readonly salt?: string
  readonly algorithm?: string
  readonly escapeEarly?: boolean
}

const require = createRequire(import.meta.url)
/** The libraries have no types. */
const { default: Akamai } = require('akamai-auth-token') as {
  readonly default: new (options: TokenOptions) => { generateToken(): string }
}
const EdgeAuth = require('akamai-edgeauth') as new (options: EdgeAuthOptions) => {
  generateACLToken(acl: string | readonly string[]): string
  generateURLToken(url: string): string
}

const CONTENT = 'the bytes of the film'
/** The library reads a key byte above 7f as two. */
const KEY = '0102030405060708090a0b0c0d0e0f10'

const SALT = 'a pinch'

const route = (path: string, options: object): object => ({
  path,
  origin: 'library',
  schemes: [{ name: 'akamai-edgeauth', ...options }],
})

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
      route('/akamai/', {}),
      route('/escaped/', { escapeEarly: true }),
      route('/salted/', { salt: SALT, algorithm: 'sha1' }),
      route('/query/', { ignoreQuery: false }),
      route('/cloudinary/', {
        tokenName: '__cld_token__',
        escapeEarly: true,
        aclEscaped: true,
      }),
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

describe('tokens of akamai-edgeauth', () => {
  const tokens = (more: Partial<EdgeAuthOptions> = {}): InstanceType<typeof EdgeAuth> =>
    new EdgeAuth({ key: KEY, windowSeconds: 600, ...more })

  it('open the one URL that they were made for', async () => {
    const path = '/akamai/a%20b.mp4'
    const token = tokens().generateURLToken(path)
    expect(await fetched(`${path}?__token__=${token}`)).toBe(CONTENT)
    expect(await fetched(path, { cookie: `__token__=${token}` })).toBe(CONTENT)
    expect(await fetched(path, { __token__: token })).toBe(CONTENT)
    expect(await fetched(`/akamai/show/1.ts?__token__=${token}`)).toBe('link_invalid')
  })

  it('open what one of their acls covers', async () => {
    const acl = ['/akamai/x/*', '/akamai/show/?.ts']
    const token = tokens().generateACLToken(acl)
    expect(await fetched(`/akamai/show/1.ts?__token__=${token}`)).toBe(CONTENT)
    expect(await fetched(`/akamai/show/2.ts?__token__=${encodeURIComponent(token)}`)).toBe(CONTENT)
    expect(await fetched('/akamai/show/2.ts', { cookie: `__token__=${token}` })).toBe(CONTENT)
    expect(await fetched(`/akamai/a%20b.mp4?__token__=${token}`)).toBe('link_invalid')
  })

  it('hold for their time, client and key', async () => {
    const now = seconds()
    const ask = (more: Partial<EdgeAuthOptions>): Promise<string> =>
      fetched(`/akamai/show/1.ts?__token__=${tokens(more).generateACLToken('/akamai/*')}`)
    expect(await ask({ ip: '127.0.0.1', sessionId: 's-1', payload: 'gold' })).toBe(CONTENT)
    expect(await ask({ ip: '192.0.2.1' })).toBe('address_not_allowed')
    expect(await ask({ startTime: now - 60 })).toBe(CONTENT)
    expect(await ask({ startTime: now + 3600 })).toBe('link_not_yet_valid')
    expect(await ask({ startTime: now - 3600 })).toBe('link_expired')
    expect(await ask({ endTime: now - 1 })).toBe('link_expired')
    expect(await ask({ key: KEY.replace('01', '02') })).toBe('link_invalid')
    expect(await ask({ algorithm: 'sha1' })).toBe('link_invalid')
    expect(await ask({ salt: SALT })).toBe('link_invalid')
  })

  it('escape early what they hash', async () => {
    const more = { escapeEarly: true, payload: "x~y='1*'", sessionId: 'a b/ü', ip: '127.0.0.1' }
    const path = '/escaped/a%20b.mp4'
    for (const token of [
      tokens(more).generateURLToken(path),
      tokens(more).generateURLToken('/escaped/a b.mp4'),
      tokens(more).generateACLToken('/escaped/*'),
    ]) {
      expect([token, await fetched(path, { cookie: `__token__=${token}` })]).toEqual([
        token,
        CONTENT,
      ])
    }
    const plain = tokens().generateURLToken(path)
    expect(await fetched(path, { cookie: `__token__=${plain}` })).toBe('link_invalid')
    const elsewhere = tokens({ ...more, ip: '192.0.2.1' }).generateACLToken('/escaped/*')
    expect(await fetched(`${path}?__token__=${elsewhere}`)).toBe('address_not_allowed')
  })

  it('hash the salt of their route and no other', async () => {
    const path = '/salted/show/1.ts'
    const ask = (token: string): Promise<string> => fetched(`${path}?__token__=${token}`)
    const salted = { salt: SALT, algorithm: 'sha1' }
    expect(await ask(tokens(salted).generateURLToken(path))).toBe(CONTENT)
    expect(await ask(tokens(salted).generateACLToken('/salted/show/*'))).toBe(CONTENT)
    const others: Partial<EdgeAuthOptions>[] = [
      { algorithm: 'sha1' },
      { salt: SALT },
      { ...salted, salt: `${SALT} more` },
    ]
    for (const other of others) {
      expect(await ask(tokens(other).generateURLToken(path))).toBe('link_invalid')
      expect(await ask(tokens(other).generateACLToken('/salted/show/*'))).toBe('link_invalid')
    }
  })

  it('open a URL with its query, where that counts', async () => {
    const token = tokens().generateURLToken('/query/show/1.ts?size=2&x=%20')
    expect(await fetched(`/query/show/1.ts?size=2&x=%20&__token__=${token}`)).toBe(CONTENT)
    expect(await fetched(`/query/show/1.ts?size=3&x=%20&__token__=${token}`)).toBe('link_invalid')
    expect(await fetched(`/query/show/1.ts?__token__=${token}`)).toBe('link_invalid')
  })

  it('are byte for byte those that the gateway mints', async () => {
    const nbf = seconds()
    const mint = async (path: string): Promise<string> => {
      const body = { path, expires_at: nbf + 600, nbf, jti: 's-1', ip: '127.0.0.1' }
      const minted = await gateway.admin('/v1/links', { method: 'POST', body })
      return ((await minted.json()) as { url: string }).url
    }
    const theirs = { startTime: nbf, sessionId: 's-1', ip: '127.0.0.1' }
    expect(await mint('/akamai/show/*')).toBe(
      `${gateway.url}/akamai/show/?__token__=${tokens(theirs).generateACLToken('/akamai/show/*')}`,
    )
    const path = '/salted/show/1.ts'
    const salted = tokens({ ...theirs, salt: SALT, algorithm: 'sha1' })
    expect(await mint(path)).toBe(
      `${gateway.url}${path}?__token__=${salted.generateURLToken(path)}`,
    )
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
