import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import S3rver from 's3rver'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findInterpreter } from '../docs/interpreters.ts'
import { send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const ACCESS_KEY = 'AKIATHROWAWAY0000001'
const SECRET = 'not/a+real-secret-access-key'
const FILE = 'bytes of a film'
const NAMES = [
  'film.mp4',
  'folder/with space/film two.mp4',
  'ünï/日本語.mp4',
  "odd/a+b&c=d;e,f'(1)*!~@$.txt",
]

let gateway: TestGateway

beforeAll(async () => {
  const schemes = ['s3-sigv4', 's3-sigv2']
  gateway = await startTestGateway({
    files: Object.fromEntries(NAMES.map((name) => [name, FILE])),
    config: { server: { trustedProxies: ['127.0.0.2/32'] } },
    routes: [
      { path: '/', origin: 'library', schemes: ['s3-sigv4'] },
      { path: '/media/', origin: 'library', schemes },
      {
        path: '/heads/',
        origin: 'library',
        schemes: [{ name: 's3-sigv4', region: 'eu-central-1', headAsGet: true }],
      },
    ],
    keys: [jwk(ACCESS_KEY, SECRET, schemes), jwk('S3RVER', 'S3RVER', ['s3-sigv2'])],
  })
})

afterAll(async () => {
  await gateway.close()
})

function jwk(kid: string, secret: string, schemes: readonly string[]): object {
  return { kty: 'oct', kid, alg: 'HS256', schemes, k: Buffer.from(secret).toString('base64url') }
}

function client(endpoint: string, forcePathStyle: boolean, sessionToken?: string): S3Client {
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET }
  return new S3Client({
    endpoint,
    region: 'eu-central-1',
    forcePathStyle,
    credentials: sessionToken === undefined ? credentials : { ...credentials, sessionToken },
  })
}

async function presign(
  Key: string,
  more: Partial<GetObjectCommandInput> = {},
  options: Parameters<typeof getSignedUrl>[2] = {},
): Promise<string> {
  const command = new GetObjectCommand({ Bucket: 'media', Key, ...more })
  return targetOf(await getSignedUrl(client(gateway.url, true), command, options))
}

/** The target of a URL, byte for byte. */
function targetOf(url: string): string {
  return url.slice(url.indexOf('/', 'https://'.length))
}

describe('links of the AWS SDK', () => {
  test.each(NAMES)('download %s', async (name) => {
    const reply = await send(gateway, await presign(name))
    expect([reply.status, reply.body.toString()]).toEqual([200, FILE])
  })

  test('download with the bucket in the host, behind a proxy that names the host', async () => {
    const endpoint = 'https://s3.example:8443'
    const command = new GetObjectCommand({ Bucket: 'media', Key: NAMES[1] })
    const target = targetOf(await getSignedUrl(client(endpoint, false), command))
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'media.s3.example:8443' }
    const proxied = await send(gateway, target, { headers, localAddress: '127.0.0.2' })
    expect([proxied.status, proxied.body.toString()]).toEqual([200, FILE])
    const forged = await send(gateway, target, { headers })
    expect(forged.status).toBe(403)
  })

  test('set headers of the answer', async () => {
    const reply = await send(
      gateway,
      await presign('film.mp4', {
        ResponseContentType: 'application/x-film',
        ResponseContentDisposition: 'attachment; filename="a b.mp4"',
        ResponseContentLanguage: 'de',
      }),
    )
    expect(reply.status).toBe(200)
    expect(reply.headers).toMatchObject({
      'content-type': 'application/x-film',
      'content-disposition': 'attachment; filename="a b.mp4"',
      'content-language': 'de',
    })
  })

  test('of a session download', async () => {
    const session = client(gateway.url, true, 'FwoG+session/token==')
    const command = new GetObjectCommand({ Bucket: 'media', Key: 'film.mp4' })
    const target = targetOf(await getSignedUrl(session, command))
    expect(target).toContain('X-Amz-Security-Token=')
    expect((await send(gateway, target)).status).toBe(200)
  })

  test('that sign a header need it', async () => {
    const target = await presign(
      'film.mp4',
      { IfMatch: '*' },
      { unhoistableHeaders: new Set(['if-match']), signableHeaders: new Set(['host', 'if-match']) },
    )
    expect(target).toContain('X-Amz-SignedHeaders=host%3Bif-match')
    expect((await send(gateway, target)).status).toBe(403)
    expect((await send(gateway, target, { headers: { 'if-match': '*' } })).status).toBe(200)
  })

  test('read a range', async () => {
    const target = await presign('film.mp4')
    const reply = await send(gateway, target, { headers: { range: 'bytes=0-4' } })
    expect([reply.status, reply.body.toString()]).toEqual([206, 'bytes'])
  })

  test('answer the method that was signed, and HEAD by GET where the route says so', async () => {
    const head = new HeadObjectCommand({ Bucket: 'media', Key: 'film.mp4' })
    const headTarget = targetOf(await getSignedUrl(client(gateway.url, true), head))
    expect((await send(gateway, headTarget, { method: 'HEAD' })).status).toBe(200)
    expect((await send(gateway, headTarget)).status).toBe(403)
    const target = await presign('film.mp4')
    expect((await send(gateway, target, { method: 'HEAD' })).status).toBe(403)
    const onHeads = await presign('film.mp4', { Bucket: 'heads' })
    expect((await send(gateway, onHeads, { method: 'HEAD' })).status).toBe(200)
    const put = new PutObjectCommand({ Bucket: 'media', Key: 'film.mp4' })
    const putTarget = targetOf(await getSignedUrl(client(gateway.url, true), put))
    expect((await send(gateway, putTarget)).status).toBe(403)
  })

  test('expire', async () => {
    const signingDate = new Date(Date.now() - 3_600_000)
    const target = await presign('film.mp4', {}, { signingDate, expiresIn: 1800 })
    const reply = await send(gateway, target)
    expect(reply.status).toBe(410)
  })

  test('begin 15 minutes before their date', async () => {
    const at = (minutes: number): Promise<string> =>
      presign('film.mp4', {}, { signingDate: new Date(Date.now() + minutes * 60_000) })
    expect((await send(gateway, await at(14))).status).toBe(200)
    const reply = await send(gateway, await at(17))
    expect([reply.status, reply.body.toString()]).toEqual([
      403,
      expect.stringContaining('link_not_yet_valid'),
    ])
  })

  test('are broken by any other parameter', async () => {
    expect((await send(gateway, `${await presign('film.mp4')}&utm_source=x`)).status).toBe(403)
  })
})

async function mint(body: object): Promise<string> {
  const answer = await gateway.admin('/v1/links', { method: 'POST', body })
  const link = (await answer.json()) as { readonly url: string }
  expect([answer.status, link]).toEqual([201, expect.objectContaining({ url: link.url })])
  return link.url
}

function encode(name: string): string {
  return name.split('/').map(encodeRfc3986).join('/')
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

describe('links that the gateway mints', () => {
  const python = findInterpreter('python3')
  test.runIf(python.command).each(NAMES)(
    `of version 4 are what a server of S3 computes${python.absence}: %s`,
    async (name) => {
      const check = (url: string): string =>
        spawnSync(
          python.command ?? '',
          [join(import.meta.dirname, 'sigv4_check.py'), url, SECRET],
          {
            encoding: 'utf8',
          },
        ).stdout.trim()
      const url = await mint({ path: `/media/${encode(name)}`, scheme: 's3-sigv4' })
      expect(check(url)).toBe('accepted')
      expect(check(url.replace('/media/', '/media/x'))).toBe('SignatureDoesNotMatch')
    },
  )

  test('of version 2 are accepted by a server of S3', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-s3-'))
    const server = new S3rver({
      address: '127.0.0.1',
      port: 0,
      silent: true,
      directory,
      configureBuckets: [{ name: 'media' }],
    })
    const { port } = await server.run()
    try {
      const store = new S3Client({
        endpoint: `http://127.0.0.1:${port}`,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
      })
      const stored = NAMES.slice(0, 3)
      for (const Key of stored) {
        await store.send(new PutObjectCommand({ Bucket: 'media', Key, Body: FILE }))
      }
      for (const name of stored) {
        const url = await mint({ path: `/media/${encode(name)}`, scheme: 's3-sigv2' })
        const target = targetOf(url)
        const reply = await send({ host: '127.0.0.1', port }, target)
        expect([name, reply.status, reply.body.toString()]).toEqual([name, 200, FILE])
        const later = target.replace(/Expires=\d/, 'Expires=9')
        expect((await send({ host: '127.0.0.1', port }, later)).status).toBe(403)
      }
    } finally {
      await server.close()
      rmSync(directory, { recursive: true, force: true })
    }
  })
})
