import { createHash, createHmac, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const SECRET = 'a secret of an old server'
const VIDEO = 'dd5d531a12de0c724bd1275a3b2bc9c6'
const CONTENT = 'the bytes'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const now = Math.floor(Date.now() / 1000)

let gateway: TestGateway

beforeAll(async () => {
  const secret = { kty: 'oct', k: Buffer.from(SECRET).toString('base64url') }
  const pair = { ...rsa.publicKey.export({ format: 'jwk' }), alg: 'RS256' }
  const route = (path: string, scheme: object): object => ({
    path,
    origin: 'library',
    schemes: [scheme],
  })
  gateway = await startTestGateway({
    files: { 'a.mp4': CONTENT, [`${VIDEO}/a.mp4`]: CONTENT, [`${VIDEO}.m3u8`]: CONTENT },
    keys: [
      { ...secret, kid: 'lighttpd', alg: 'HS256', schemes: ['lighttpd-secdownload'] },
      { ...secret, kid: 'nginx', alg: 'MD5', schemes: ['nginx-secure-link'] },
      { ...pair, kid: 'stream', schemes: ['cloudflare-stream'] },
      { ...pair, kid: 'mux', schemes: ['mux-jwt'] },
    ],
    routes: [
      route('/dl/', { name: 'lighttpd-secdownload', prefix: '/dl/' }),
      route('/p/', {
        name: 'nginx-secure-link',
        mode: 'secret',
        prefix: '/p/',
        allowUnlimited: true,
      }),
      route('/stream/', { name: 'cloudflare-stream' }),
      route('/mux/', { name: 'mux-jwt' }),
    ],
  })
})

afterAll(() => gateway.close())

function token(kid: string, claims: object): Promise<string> {
  return new SignJWT({ sub: VIDEO, exp: now + 600, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(rsa.privateKey)
}

/** A link of each format as its vendor's formula makes it, for a route below a prefix. */
const LINKS: Readonly<Record<string, () => string | Promise<string>>> = {
  'lighttpd-secdownload'() {
    const time = now.toString(16)
    const mac = createHmac('sha256', SECRET).update(`/${time}/a.mp4`).digest('base64url')
    return `/dl/${mac}/${time}/a.mp4`
  },
  'nginx-secure-link'() {
    return `/p/${createHash('md5').update(`a.mp4${SECRET}`).digest('hex')}/a.mp4`
  },
  'cloudflare-stream': async () => `/stream/${await token('stream', {})}/a.mp4`,
  'mux-jwt': async () => `/mux/${VIDEO}.m3u8?token=${await token('mux', { aud: 'v' })}`,
}

describe('a route below a prefix opens the object that lies below it, by a link of', () => {
  it.each(Object.entries(LINKS))('%s', async (_, make) => {
    const link = await make()
    const answer = await fetch(gateway.url + link)
    expect([answer.status, await answer.text()]).toEqual([200, CONTENT])
    const other = link.replace(/a\.mp4|m3u8/, (name) => `b${name}`)
    expect((await fetch(gateway.url + other)).status).not.toBe(200)
  })
})
