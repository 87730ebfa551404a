import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AccessRecord } from '../../src/record/access-record.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const VIDEO = '5d5bc37ffcf54c9b82e996823bffbb81'
const CONTENT = 'the film'

const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
const STREAM = 'stream-kid'
const MUX = 'mux-kid'

let gateway: TestGateway

beforeAll(async () => {
  const jwk = { ...(await exportJWK(publicKey)), alg: 'RS256' }
  const files = ['downloads/default.mp4', 'high.mp4', 'thumbnail.jpg', 'manifest/video.m3u8']
  const stream = { name: 'cloudflare-stream', downloadPath: '/downloads/' }
  gateway = await startTestGateway({
    files: Object.fromEntries(files.map((file) => [`${VIDEO}/${file}`, CONTENT])),
    routes: [
      {
        path: '/stream/',
        origin: 'library',
        schemes: [{ ...stream, subjectFromPath: '^/stream/([^/]+)/' }],
      },
      {
        path: '/stream-query/',
        origin: 'library',
        schemes: [{ ...stream, location: 'query', subjectFromPath: '^/stream-query/([^/]+)/' }],
      },
      {
        path: '/mux/',
        origin: 'library',
        schemes: [{ name: 'mux-jwt', subjectFromPath: '^/mux/([^/.]+)' }],
      },
    ],
    keys: [
      { ...jwk, kid: STREAM, schemes: ['cloudflare-stream'] },
      { ...jwk, kid: MUX, schemes: ['mux-jwt'] },
    ],
  })
})

afterAll(() => gateway.close())

async function tokenOf(kid: string, claims: JWTPayload = {}): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 600
  return new SignJWT({ sub: VIDEO, kid, exp, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(privateKey)
}

async function get(path: string): Promise<[number, string]> {
  const response = await fetch(gateway.url + path)
  return [response.status, response.status === 200 ? await response.text() : '']
}

describe('tokens of Cloudflare Stream', () => {
  it('open their video in the place of its id', async () => {
    const token = await tokenOf(STREAM)
    expect(await get(`/stream/${token}/manifest/video.m3u8`)).toEqual([200, CONTENT])
    expect(await get(`/stream/${token}/downloads/default.mp4`)).toEqual([403, ''])
    const downloadable = await tokenOf(STREAM, { downloadable: true })
    expect(await get(`/stream/${downloadable}/downloads/default.mp4`)).toEqual([200, CONTENT])
  })

  it('open their video in a parameter', async () => {
    const token = await tokenOf(STREAM)
    const path = `/stream-query/${VIDEO}/manifest/video.m3u8`
    expect(await get(`${path}?token=${token}`)).toEqual([200, CONTENT])
    expect(await get(path)).toEqual([401, ''])
    const other = await tokenOf(STREAM, { sub: 'other' })
    expect(await get(`${path}?token=${other}`)).toEqual([403, ''])
  })

  it('stay out of the records', async () => {
    const token = await tokenOf(STREAM)
    const broken = [token.slice(0, -9), await tokenOf(STREAM, { sub: '..' })]
    for (const carried of [token, ...broken]) await get(`/stream/${carried}/recorded.ts`)
    let records: readonly AccessRecord[] = []
    await eventually('3 requests are recorded', async () => {
      records = (await gateway.records(0)).filter(({ path }) => path?.endsWith('recorded.ts'))
      return records.length === 3
    })
    expect(records.map(({ decision }) => decision)).toEqual(['permit', 'deny', 'deny'])
    expect(JSON.stringify(records)).not.toContain('eyJ')
    expect(records[0]).toMatchObject({
      path: `/stream/${VIDEO}/recorded.ts`,
      scheme: 'cloudflare-stream',
      kid: STREAM,
    })
  })
})

describe('tokens of Mux', () => {
  it('open what their audience says', async () => {
    const video = await tokenOf(MUX, { aud: 'v' })
    const picture = await tokenOf(MUX, { aud: 't' })
    expect(await get(`/mux/${VIDEO}/high.mp4?token=${video}`)).toEqual([200, CONTENT])
    expect(await get(`/mux/${VIDEO}/thumbnail.jpg?token=${video}`)).toEqual([403, ''])
    expect(await get(`/mux/${VIDEO}/thumbnail.jpg?token=${picture}`)).toEqual([200, CONTENT])
  })

  it('do not open with the key of another scheme', async () => {
    const token = await tokenOf(STREAM, { aud: 'v' })
    expect(await get(`/mux/${VIDEO}/high.mp4?token=${token}`)).toEqual([403, ''])
  })
})
