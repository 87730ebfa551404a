import { randomBytes } from 'node:crypto'
import {
  CompactEncrypt,
  exportJWK,
  generateKeyPair,
  jwtVerify,
  type JWTPayload,
  SignJWT,
} from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const CONTENT = 'the bytes of the film'
const ENCRYPTION = randomBytes(16)

/** Tokens as a content provider signs them with npm `jose`; the gateway has what a CDN has. */
describe('URI Signing Packages and watermarking tokens of jose', () => {
  let test: TestGateway
  let escaped: string
  let pair: Awaited<ReturnType<typeof generateKeyPair>>
  let own: Awaited<ReturnType<typeof generateKeyPair>>

  beforeAll(async () => {
    pair = await generateKeyPair('ES256', { extractable: true })
    own = await generateKeyPair('ES256', { extractable: true })
    const schemes = ['cdni-uri-signing', 'dashif-wmt']
    test = await startTestGateway({
      files: { 'show/1.ts': CONTENT, 'show/2.ts': CONTENT },
      keys: [
        {
          ...(await exportJWK(pair.publicKey)),
          kid: 'provider',
          alg: 'ES256',
          issuer: 'uCDN',
          schemes,
        },
        {
          ...(await exportJWK(own.privateKey)),
          kid: 'own',
          alg: 'ES256',
          issuer: 'uCDN',
          schemes: ['cdni-uri-signing'],
        },
        {
          kty: 'oct',
          k: ENCRYPTION.toString('base64url'),
          kid: 'enc',
          alg: 'A128GCM',
          use: 'enc',
          schemes: ['cdni-uri-signing'],
        },
      ],
      routes: [
        {
          path: '/files/',
          origin: 'library',
          schemes: [{ name: 'cdni-uri-signing', audience: 'dCDN' }],
        },
        { path: '/vod/', origin: 'library', schemes: ['dashif-wmt'] },
      ],
    })
    escaped = test.url.replaceAll('.', '\\.')
  })

  afterAll(() => test.close())

  const sign = (claims: JWTPayload, kid = 'provider'): Promise<string> =>
    new SignJWT({ iss: 'uCDN', ...claims })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setExpirationTime('10 minutes')
      .sign(pair.privateKey)

  async function open(target: string, headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(test.url + target, { headers })
    const body = await response.text()
    return response.ok ? body : (JSON.parse(body) as { code: string }).code
  }

  it('a package opens what its expression says, wherever it stands', async () => {
    const token = await sign({ cdniuc: `regex:${escaped}/files/show/[0-9]\\.ts`, aud: 'dCDN' })
    const at = (name: string): Promise<string>[] => [
      open(`/files/show/${name}?URISigningPackage=${token}`),
      open(`/URISigningPackage=${token}/files/show/${name}`),
      open(`/files/show/${name};URISigningPackage=${token}`),
      open(`/files/show/${name}`, { cookie: `URISigningPackage=${token}` }),
    ]
    expect(await Promise.all(at('1.ts'))).toEqual([CONTENT, CONTENT, CONTENT, CONTENT])
    expect(new Set(await Promise.all(at('10.ts')))).toEqual(new Set(['link_invalid']))
  })

  it('an encrypted address binds the client', async () => {
    const address = (text: string): Promise<string> =>
      new CompactEncrypt(Buffer.from(text))
        .setProtectedHeader({ alg: 'dir', enc: 'A128GCM', kid: 'enc' })
        .encrypt(ENCRYPTION)
    const ask = async (text: string): Promise<string> => {
      const token = await sign({
        cdniuc: `regex:${escaped}/files/.*`,
        cdniip: await address(text),
      })
      return open(`/files/show/1.ts?URISigningPackage=${token}`)
    }
    expect(await ask('127.0.0.0/8')).toBe(CONTENT)
    expect(await ask('[2001:db8::]/32')).toBe('address_not_allowed')
  })

  it('a package is renewed by a cookie that the key of the gateway signs', async () => {
    const cdniuc = `regex:${escaped}/files/.*`
    const token = await sign({ cdniuc, cdnistt: 1, cdniets: 60, cdnistd: 2 })
    const response = await fetch(`${test.url}/files/show/1.ts?URISigningPackage=${token}`)
    expect(await response.text()).toBe(CONTENT)
    const line = response.headers.get('set-cookie') ?? ''
    expect(line).toMatch(/; Path=\/files\/show; Max-Age=60; HttpOnly$/)
    const cookie = line.split(';', 1)[0] ?? ''
    const { payload, protectedHeader } = await jwtVerify(
      cookie.slice('URISigningPackage='.length),
      own.publicKey,
    )
    expect(protectedHeader.kid).toBe('own')
    expect(payload).toMatchObject({ iss: 'uCDN', cdniuc, cdniets: 60 })
    expect(await open('/files/show/2.ts', { cookie })).toBe(CONTENT)
  })

  it('links that the gateway makes verify with jose', async () => {
    const response = await test.admin('/v1/links', {
      method: 'POST',
      body: { path: '/files/show/1.ts', expires_in: 60 },
    })
    const { url } = (await response.json()) as { url: string }
    const token = new URL(url).searchParams.get('URISigningPackage') ?? ''
    const { payload } = await jwtVerify(token, own.publicKey, { issuer: 'uCDN', audience: 'dCDN' })
    expect(payload['cdniuc']).toBe(`regex:${escaped}/files/show/1\\.ts`)
    expect(await open(url.slice(test.url.length))).toBe(CONTENT)
    expect(await open(`/files/show/2.ts?URISigningPackage=${token}`)).toBe('link_invalid')
  })

  it('a link for a prefix opens what lies below it', async () => {
    const response = await test.admin('/v1/links', {
      method: 'POST',
      body: { path: '/files/show/*', expires_in: 60 },
    })
    const { url } = (await response.json()) as { url: string }
    expect(await open(`${url.slice(test.url.length)}2.ts`)).toBe(CONTENT)
  })

  it('a watermarking token opens its route, and only one that is whole', async () => {
    const claims = { wmver: 1, wmvnd: 8, wmpatlen: 56, wmpattern: 'q83vASNFZw' }
    const token = await sign(claims)
    expect(await open(`/wmt:${token}/vod/show/1.ts`)).toBe(CONTENT)
    expect(await open('/vod/show/1.ts', { authorization: `Bearer ${token}` })).toBe(CONTENT)
    expect(await open(`/wmt:${await sign({ ...claims, wmver: 2 })}/vod/show/1.ts`)).toBe(
      'link_invalid',
    )
    expect(await open('/vod/show/1.ts')).toBe('link_missing')
  })
})
