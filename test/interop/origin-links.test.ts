import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  BlobSASPermissions,
  BlobServiceClient,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { Storage } from '@google-cloud/storage'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { originSchema } from '../../src/config/origin-schema.ts'
import { buildOrigin } from '../../src/gateway/build-origin.ts'
import { type Key, KeyRing } from '../../src/link/key-ring.ts'
import type { PresignRequest } from '../../src/origin/presign.ts'
import { Child } from '../support/child.ts'
import { accepts, freePort } from '../support/free-port.ts'
import { S3Store, STORE_KEY, STORE_REGION } from '../support/s3-store.ts'
import { startTestGateway } from '../support/test-gateway.ts'

const NAMES = [
  'film.mp4',
  'folder/with space/film two.mp4',
  'ünï/日本語.mp4',
  "odd/a+b&c=d;e,f'(1)*!~@$.txt",
]
const RESPONSE = {
  contentDisposition: `attachment; filename="a b.mp4"; filename*=UTF-8''%C3%BC.mp4`,
  contentType: 'video/own; x="y"',
}

function secretOf(kid: string, scheme: string, secret: Buffer | string): Key {
  const key = createSecretKey(Buffer.from(secret))
  return {
    kid,
    alg: 'HS256',
    schemes: new Set([scheme]),
    notBefore: undefined,
    retireAt: undefined,
    verifyKey: key,
    signKey: key,
  }
}

/** The link that an origin of type http makes. */
async function link(
  url: string,
  presign: object,
  key: Key,
  request: Partial<PresignRequest> = {},
): Promise<string> {
  const config = originSchema.parse({ type: 'http', url, presign: { key: key.kid, ...presign } })
  const origin = buildOrigin(config, new KeyRing([key]))
  const now = Math.floor(Date.now() / 1000)
  const terms = { name: 'film.mp4', method: 'GET', now, expiresAt: now + 60, ...request } as const
  return (await origin.presigner?.presign(terms)) ?? ''
}

function parameters(url: string): Record<string, string> {
  return Object.fromEntries(new URL(url).searchParams)
}

describe('links to an S3 store, signed as s3-sigv4', () => {
  const key = secretOf(STORE_KEY.accessKeyId, 's3-sigv4', STORE_KEY.secretAccessKey)
  const presign = { scheme: { name: 's3-sigv4', region: STORE_REGION } }
  let store: S3Store

  beforeAll(async () => {
    store = await S3Store.start()
    await store.put(NAMES.map((name) => [name, name]))
  }, 60_000)

  afterAll(() => store.stop())

  it.each(NAMES)('open %s, with the fields that they set', async (name) => {
    // the store forgets to encode some characters of a query, as ' and *
    const response = { ...RESPONSE, contentDisposition: 'attachment; filename="a b.mp4"' }
    const url = await link(`${store.url}/media`, presign, key, { name, response })
    const answer = await fetch(url)
    expect([answer.status, await answer.text()]).toEqual([200, name])
    expect(answer.headers.get('content-disposition')).toBe(response.contentDisposition)
    expect(answer.headers.get('content-type')).toBe(RESPONSE.contentType)
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(403)
  })

  it.each(NAMES)('are those that an origin of type s3 makes: %s', async (name) => {
    const now = Math.floor(Date.now() / 1000)
    const request = { name, method: 'GET', now, expiresAt: now + 60, response: RESPONSE } as const
    const config = { type: 's3', endpoint: store.url, region: STORE_REGION, bucket: 'media' }
    const bucket = buildOrigin(originSchema.parse({ ...config, ...STORE_KEY }), new KeyRing([]))
    const theirs = (await bucket.presigner?.presign(request)) ?? ''
    bucket.close()
    const ours = await link(`${store.url}/media`, presign, key, request)
    expect(parameters(ours)).toEqual(parameters(theirs))
  })

  it('open for HEAD when they say so', async () => {
    const url = await link(`${store.url}/media`, presign, key, { method: 'HEAD' })
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
    expect((await fetch(url)).status).toBe(403)
  })

  it('do not open when they are over, or changed', async () => {
    const now = Math.floor(Date.now() / 1000) - 100
    const over = await link(`${store.url}/media`, presign, key, { now, expiresAt: now + 60 })
    expect((await fetch(over)).status).toBe(403)
    const other = (await link(`${store.url}/media`, presign, key)).replace('film', 'folder')
    expect((await fetch(other)).status).toBe(403)
  })
})

describe('links to Cloud Storage, signed as gcs-v4', () => {
  const account = 'signer@throwaway-project.iam.gserviceaccount.com'
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key: Key = {
    ...secretOf(account, 'gcs-v4', 'x'),
    alg: 'RS256',
    verifyKey: publicKey,
    signKey: privateKey,
  }
  const storage = new Storage({
    projectId: 'throwaway-project',
    credentials: {
      client_email: account,
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    },
  })

  it.each(NAMES)("are those of Google's own library: %s", async (name) => {
    const now = Math.floor(Date.now() / 1000)
    const [theirs] = await storage
      .bucket('media')
      .file(name)
      .getSignedUrl({
        version: 'v4',
        action: 'read',
        accessibleAt: now * 1000,
        expires: (now + 600) * 1000,
        responseDisposition: RESPONSE.contentDisposition,
        responseType: RESPONSE.contentType,
      })
    const ours = await link('https://storage.googleapis.com/media/', { scheme: 'gcs-v4' }, key, {
      name,
      now,
      expiresAt: now + 600,
      response: RESPONSE,
    })
    expect(parameters(ours)).toEqual(parameters(theirs))
    expect(decodeURIComponent(new URL(ours).pathname)).toBe(
      decodeURIComponent(new URL(theirs).pathname),
    )
  })
})

describe('links to Azure Blob Storage, signed as azure-sas', () => {
  const account = 'devstoreaccount1'
  const secret =
    'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
  const credential = new StorageSharedKeyCredential(account, secret)
  const key = secretOf('account', 'azure-sas', Buffer.from(secret, 'base64'))

  it.each(NAMES)("are those of Azure's own library: %s", async (name) => {
    const now = Math.floor(Date.now() / 1000)
    const theirs = generateBlobSASQueryParameters(
      {
        containerName: 'media',
        blobName: name,
        version: '2022-11-02',
        permissions: BlobSASPermissions.parse('r'),
        expiresOn: new Date((now + 600) * 1000),
        contentDisposition: RESPONSE.contentDisposition,
        contentType: RESPONSE.contentType,
      },
      credential,
    )
    const ours = await link(
      `https://${account}.blob.core.windows.net/media/`,
      { scheme: 'azure-sas' },
      key,
      { name, now, expiresAt: now + 600, response: RESPONSE },
    )
    expect(parameters(ours)).toEqual(parameters(`https://x/?${theirs.toString()}`))
  })

  it('open at Azurite, with the fields that they set', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-azurite-'))
    const port = await freePort()
    const program = fileURLToPath(new URL('../../node_modules/.bin/azurite-blob', import.meta.url))
    const options = ['--silent', '--inMemoryPersistence', '--disableTelemetry']
    const azurite = new Child(
      process.execPath,
      [program, ...options, '--skipApiVersionCheck', '--blobPort', String(port)],
      { cwd: directory },
    )
    try {
      await azurite.until(() => accepts(port))
      const url = `http://127.0.0.1:${port}/${account}`
      const { containerClient } = await new BlobServiceClient(url, credential).createContainer(
        'media',
      )
      const scheme = { name: 'azure-sas', account }
      for (const name of NAMES) {
        await containerClient.getBlockBlobClient(name).uploadData(Buffer.from(name))
        const ours = await link(`${url}/media/`, { scheme }, key, { name, response: RESPONSE })
        const answer = await fetch(ours)
        expect([answer.status, await answer.text()]).toEqual([200, name])
        expect(answer.headers.get('content-disposition')).toBe(RESPONSE.contentDisposition)
        expect((await fetch(ours.replace('media/', 'other/'))).status).toBe(403)
      }
    } finally {
      await azurite.stop()
      rmSync(directory, { recursive: true, force: true })
    }
  }, 60_000)
})

describe('links to another gateway, signed as sluice-hmac', () => {
  it('open there, below the path of its route', async () => {
    const gateway = await startTestGateway({
      files: Object.fromEntries(NAMES.map((name) => [name, name])),
      routes: [{ path: '/files/', origin: 'library', schemes: ['sluice-hmac'] }],
    })
    try {
      const key = secretOf(gateway.kid, 'sluice-hmac', gateway.secret)
      for (const name of NAMES) {
        const presign = { scheme: 'sluice-hmac', url: `${gateway.url}/files/` }
        const answer = await fetch(await link('http://inside.example/', presign, key, { name }))
        expect([answer.status, await answer.text()]).toEqual([200, name])
      }
    } finally {
      await gateway.close()
    }
  })
})

describe('a link is not made', () => {
  const presign = { scheme: 's3-sigv4' }

  it('with a key that is not active any more', async () => {
    const key = { ...secretOf('k', 's3-sigv4', 'x'), retireAt: 1000 }
    await expect(link('http://o.example/', presign, key)).rejects.toMatchObject({
      code: 'ERR_ORIGIN_UNREACHABLE',
    })
  })

  it.each(['', '..', 'a/../b', '\ud800'])('for the name %j', async (name) => {
    const key = secretOf('k', 's3-sigv4', 'x')
    expect(await link('http://o.example/', presign, key, { name })).toBe('')
  })
})
