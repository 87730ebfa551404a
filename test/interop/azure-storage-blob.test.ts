import { randomBytes, randomUUID } from 'node:crypto'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  AnonymousCredential,
  BlobClient,
  BlobSASPermissions,
  type BlobSASSignatureValues,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
  type UserDelegationKey,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const ACCOUNT = 'throwaway'
const CONTENT = 'what the vendor’s library asked for'
const HOUR = 3_600_000
const USER = randomUUID()

const secret = randomBytes(64)
const userSecret = randomBytes(32)
const credential = new StorageSharedKeyCredential(ACCOUNT, secret.toString('base64'))
const userKey: UserDelegationKey = {
  signedObjectId: USER,
  signedTenantId: randomUUID(),
  signedStartsOn: new Date(Date.now() - HOUR),
  signedExpiresOn: new Date(Date.now() + HOUR),
  signedService: 'b',
  signedVersion: '2023-11-03',
  value: userSecret.toString('base64'),
}

let gateway: TestGateway

beforeAll(async () => {
  const key = { kty: 'oct', alg: 'HS256', schemes: ['azure-sas'] }
  gateway = await startTestGateway({
    files: { 'video/a b+ü.txt': CONTENT },
    routes: [
      {
        path: '/media/',
        origin: 'library',
        schemes: [{ name: 'azure-sas', account: ACCOUNT }],
      },
    ],
    keys: [
      { ...key, kid: 'account', k: secret.toString('base64url') },
      { ...key, kid: USER, k: userSecret.toString('base64url') },
    ],
  })
})

afterAll(() => gateway.close())

const VALUES: BlobSASSignatureValues = {
  containerName: 'media',
  blobName: 'video/a b+ü.txt',
  permissions: BlobSASPermissions.parse('r'),
  startsOn: new Date(Date.now() - HOUR),
  expiresOn: new Date(Date.now() + HOUR),
}
const PATH = '/media/video/a%20b+%C3%BC.txt'

async function get(sas: { toString(): string }, init: RequestInit = {}): Promise<[number, string]> {
  const response = await fetch(`${gateway.url}${PATH}?${sas.toString()}`, init)
  return [response.status, await response.text()]
}

describe('links signed by @azure/storage-blob', () => {
  it.each([
    '2015-04-05',
    '2018-03-28',
    '2018-11-09',
    '2020-02-10',
    '2020-10-02',
    '2020-12-06',
    '2023-11-03',
    '2025-07-05',
    '2026-04-06',
  ])('of version %s open their blob', async (version) => {
    const sas = generateBlobSASQueryParameters({ ...VALUES, version }, credential)
    expect(await get(sas)).toEqual([200, CONTENT])
    const unread = { ...VALUES, version, permissions: BlobSASPermissions.parse('w') }
    expect((await get(generateBlobSASQueryParameters(unread, credential)))[0]).toBe(405)
  })

  it('of a user open their blob', async () => {
    for (const version of ['2018-11-09', '2020-02-10', '2020-12-06', '2025-07-05', '2026-04-06']) {
      const sas = generateBlobSASQueryParameters({ ...VALUES, version }, userKey, ACCOUNT)
      expect([version, ...(await get(sas))]).toEqual([version, 200, CONTENT])
    }
  })

  it('of a user bind headers and parameters of the request', async () => {
    const bound = {
      ...VALUES,
      requestHeaders: { 'x-tier': 'gold', 'x-app': 'tv' },
      requestQueryParameters: { lang: 'de', q: 'a b' },
    }
    const sas = generateBlobSASQueryParameters(bound, userKey, ACCOUNT).toString()
    const headers = { 'x-tier': 'gold', 'x-app': 'tv' }
    expect(await get(`${sas}&lang=de&q=a%20b`, { headers })).toEqual([200, CONTENT])
    expect((await get(`${sas}&lang=en&q=a%20b`, { headers }))[0]).toBe(403)
    expect((await get(`${sas}&lang=de&q=a%20b`))[0]).toBe(403)
  })

  it('open a container', async () => {
    const { blobName: _, ...container } = VALUES
    const permissions = ContainerSASPermissions.parse('rl')
    const sas = generateBlobSASQueryParameters({ ...container, permissions }, credential)
    expect(await get(sas)).toEqual([200, CONTENT])
    const other = { ...container, permissions, containerName: 'other' }
    expect((await get(generateBlobSASQueryParameters(other, credential)))[0]).toBe(403)
  })

  it.each(['2019-12-12', '2026-04-06'])('open an account, version %s', async (version) => {
    const values = {
      version,
      permissions: AccountSASPermissions.parse('r'),
      services: AccountSASServices.parse('b').toString(),
      resourceTypes: AccountSASResourceTypes.parse('o').toString(),
      expiresOn: new Date(Date.now() + HOUR),
    }
    expect(await get(generateAccountSASQueryParameters(values, credential))).toEqual([200, CONTENT])
  })

  it('set the headers of the answer', async () => {
    const overrides = {
      ...VALUES,
      contentDisposition: 'attachment; filename="film.txt"',
      contentType: 'application/x-film',
    }
    const sas = generateBlobSASQueryParameters(overrides, credential)
    const response = await fetch(`${gateway.url}${PATH}?${sas.toString()}`)
    expect(response.headers.get('content-disposition')).toBe(overrides.contentDisposition)
    expect(response.headers.get('content-type')).toBe(overrides.contentType)
  })

  it('are refused by what they say', async () => {
    const status = async (values: Partial<BlobSASSignatureValues>): Promise<number> =>
      (await get(generateBlobSASQueryParameters({ ...VALUES, ...values }, credential)))[0]
    expect(await status({ ipRange: { start: '127.0.0.1', end: '127.0.0.9' } })).toBe(200)
    expect(await status({ ipRange: { start: '198.51.100.1' } })).toBe(403)
    expect(await status({ protocol: SASProtocol.HttpsAndHttp })).toBe(200)
    expect(await status({ protocol: SASProtocol.Https })).toBe(403)
    expect(await status({ expiresOn: new Date(Date.now() - HOUR) })).toBe(410)
    expect(await status({ startsOn: new Date(Date.now() + HOUR) })).toBe(403)
    expect(await status({ identifier: 'weekly' })).toBe(403)
    expect(await status({ blobName: 'video/other.txt' })).toBe(403)
  })

  it('serve the library’s own client', async () => {
    const sas = generateBlobSASQueryParameters(VALUES, credential)
    const client = new BlobClient(
      `${gateway.url}${PATH}?${sas.toString()}`,
      new AnonymousCredential(),
    )
    expect((await client.downloadToBuffer()).toString()).toBe(CONTENT)
    expect((await client.getProperties()).contentLength).toBe(Buffer.byteLength(CONTENT))
  })
})

describe('links that are signed here', () => {
  it.each([
    ['a blob', PATH, {}],
    ['a blob, from a time and an address on', PATH, { nbf: 1_700_000_000, ip: '127.0.0.0/30' }],
    ['a container', '/media/*', {}],
  ])('to %s carry the signature of the library', async (_name, path, constraints) => {
    const body = { path, expires_in: 600, ...constraints }
    const minted = await gateway.admin('/v1/links', { method: 'POST', body })
    const link = (await minted.json()) as { url: string }
    const url = new URL(link.url)
    const query = Object.fromEntries(url.searchParams)
    const isBlob = query['sr'] === 'b'
    const [start = '', end] = (query['sip'] ?? '').split('-')
    const theirs = generateBlobSASQueryParameters(
      {
        containerName: 'media',
        ...(isBlob && { blobName: VALUES.blobName! }),
        permissions: (isBlob ? BlobSASPermissions : ContainerSASPermissions).parse(query['sp']!),
        version: query['sv']!,
        expiresOn: new Date(query['se']!),
        ...(query['st'] !== undefined && { startsOn: new Date(query['st']) }),
        ...(query['sip'] !== undefined && {
          ipRange: { start, ...(end !== undefined && { end }) },
        }),
      },
      credential,
    )
    expect(query['sig']).toBe(theirs.signature)
    const target = path.endsWith('/*') ? PATH : url.pathname
    expect((await fetch(gateway.url + target + url.search)).status).toBe(200)
  })
})
