import { generateKeyPairSync } from 'node:crypto'
import { type GetSignedUrlConfig, Storage } from '@google-cloud/storage'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const ACCOUNT = 'signer@throwaway-project.iam.gserviceaccount.com'
const FILE = 'bytes of a film'
const NAMES = [
  'film.mp4',
  'folder/with space/film two.mp4',
  'ünï/日本語.mp4',
  "odd/a+b&c=d;e,f'(1)*!~@$.txt",
]
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

let gateway: TestGateway

beforeAll(async () => {
  const schemes = ['gcs-v4', 'gcs-v2']
  gateway = await startTestGateway({
    files: Object.fromEntries(NAMES.map((name) => [name, FILE])),
    config: { server: { trustedProxies: ['127.0.0.2/32'] } },
    routes: [
      { path: '/', origin: 'library', schemes: ['gcs-v4'] },
      { path: '/media/', origin: 'library', schemes },
    ],
    keys: [{ ...privateKey.export({ format: 'jwk' }), kid: ACCOUNT, alg: 'RS256', schemes }],
  })
})

afterAll(async () => {
  await gateway.close()
})

async function signedUrl(name: string, more: Partial<GetSignedUrlConfig> = {}): Promise<string> {
  const storage = new Storage({
    projectId: 'throwaway-project',
    apiEndpoint: gateway.url,
    credentials: {
      client_email: ACCOUNT,
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    },
  })
  const [url] = await storage
    .bucket('media')
    .file(name)
    .getSignedUrl({ version: 'v4', action: 'read', expires: Date.now() + 3_600_000, ...more })
  return url
}

/** The target of a URL, byte for byte. */
function targetOf(url: string): string {
  return url.slice(url.indexOf('/', 'https://'.length))
}

describe.each(['v4', 'v2'] as const)('links of @google-cloud/storage, %s', (version) => {
  test.each(NAMES)('download %s', async (name) => {
    const reply = await send(gateway, targetOf(await signedUrl(name, { version })))
    expect([reply.status, reply.body.toString()]).toEqual([200, FILE])
  })

  test('that sign headers need them', async () => {
    const extensionHeaders = { 'x-goog-meta-tier': 'gold  and more' }
    const target = targetOf(await signedUrl('film.mp4', { version, extensionHeaders }))
    expect((await send(gateway, target)).status).toBe(403)
    const headers = { 'X-Goog-Meta-Tier': 'gold and   more' }
    expect((await send(gateway, target, { headers })).status).toBe(200)
  })

  test('answer the method that was signed', async () => {
    const target = targetOf(await signedUrl('film.mp4', { version }))
    expect((await send(gateway, target, { method: 'HEAD' })).status).toBe(403)
    const write = targetOf(await signedUrl('film.mp4', { version, action: 'write' }))
    expect((await send(gateway, write)).status).toBe(403)
  })

  test('are for one object', async () => {
    const target = targetOf(await signedUrl('film.mp4', { version }))
    const other = target.replace('film.mp4', encodeURI(NAMES[1] ?? ''))
    expect((await send(gateway, other)).status).toBe(403)
  })
})

describe('links of @google-cloud/storage, v4', () => {
  test('set headers of the answer', async () => {
    const queryParams = {
      'response-content-type': 'application/x-film',
      'response-content-disposition': 'attachment; filename="a b.mp4"',
    }
    const reply = await send(gateway, targetOf(await signedUrl('film.mp4', { queryParams })))
    expect(reply.status).toBe(200)
    expect(reply.headers).toMatchObject({
      'content-type': 'application/x-film',
      'content-disposition': 'attachment; filename="a b.mp4"',
    })
  })

  test('download with the bucket in the host, behind a proxy that names the host', async () => {
    const target = targetOf(await signedUrl('film.mp4', { virtualHostedStyle: true }))
    const host = 'media.storage.googleapis.com'
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': host }
    const proxied = await send(gateway, target, { headers, localAddress: '127.0.0.2' })
    expect(proxied.status).toBe(200)
    expect((await send(gateway, target, { headers })).status).toBe(403)
  })

  test('begin when they say so', async () => {
    const accessibleAt = Date.now() + 600_000
    const reply = await send(gateway, targetOf(await signedUrl('film.mp4', { accessibleAt })))
    expect([reply.status, reply.body.toString()]).toEqual([
      403,
      expect.stringContaining('link_not_yet_valid'),
    ])
  })
})

test.each([
  ['v4', 'gcs-v4'],
  ['v2', 'gcs-v2'],
] as const)('links of the gateway are those of the library: %s', async (version, scheme) => {
  const now = Math.floor(Date.now() / 1000)
  for (const name of NAMES.slice(0, 3)) {
    const path = `/media/${encodeURI(name)}`
    const constraints = scheme === 'gcs-v4' ? { nbf: now } : {}
    const body = { path, scheme, expires_at: now + 3600, ...constraints }
    const answer = await gateway.admin('/v1/links', { method: 'POST', body })
    const { url } = (await answer.json()) as { readonly url: string }
    const theirs = await signedUrl(name, {
      version,
      accessibleAt: now * 1000,
      expires: (now + 3600) * 1000,
    })
    expect(partsOf(url)).toEqual(partsOf(theirs))
  }
})

function partsOf(url: string): readonly [string, object] {
  const { pathname, searchParams } = new URL(url)
  return [pathname, Object.fromEntries(searchParams)]
}
