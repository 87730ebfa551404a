import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { API_CLIENT, API_TOKEN, callApi, putAsset, targetOf } from '../support/api-client.ts'
import { poll } from '../support/child.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openDownload, type Reply, send, type SendOptions } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const ID = '550e8400-e29b-41d4-a716-446655440000'
/** More than the buffers between gateway and client hold: a download that nobody reads stays open. */
const FILM = randomBytes(16_000_000)
const DAY = 86_400

const clock = new FakeClock(Math.floor(Date.now() / 1000))
let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    clock,
    files: {
      'film.mp4': FILM,
      'film.webm': 'in webm',
      'film.mov': 'in mov',
      'short.m4v': 'in m4v',
      'gone.mp4': 'soon gone',
    },
    policies: { default: { parallel: { connectionsPerDownload: 1 }, resume: { graceSeconds: 0 } } },
    config: { apis: { origin: 'library', elytron: {} } },
    clients: [API_CLIENT],
  })
  await putAsset(gateway, ID, {
    filename: 'My film.mp4',
    origin: 'library',
    object: 'film.mp4',
    renditions: { webm: { object: 'film.webm' }, mov: { object: 'film.mov' } },
  })
})

afterAll(() => gateway.close())

function errorOf({ status, headers, body }: Reply): object {
  expect(headers['content-type']).toBe('application/json')
  const { error, ...rest } = JSON.parse(body.toString()) as { error: { code: string } }
  expect(rest).toEqual({})
  return { status, ...error }
}

describe('GET /v1/videos/{id}/download', () => {
  const download = (query = '', options?: SendOptions): Promise<Reply> =>
    callApi(gateway, `/v1/videos/${ID}/download${query}`, options)

  test('sends the file under the name of its id', async () => {
    const { status, headers, body } = await download()
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(FILM.length),
      'content-disposition': `attachment; filename="video_${ID}.mp4"`,
      'accept-ranges': 'bytes',
    })
    expect(body.equals(FILM)).toBe(true)
  })

  test.each([
    ['webm', 'video/webm', 'in webm'],
    ['mov', 'video/quicktime', 'in mov'],
  ])('sends the rendition in %s as %s', async (format, type, content) => {
    const { status, headers, body } = await download(`?format=${format}`)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': type,
      'content-disposition': `attachment; filename="video_${ID}.${format}"`,
    })
    expect(body.toString()).toBe(content)
  })

  test('names the type of the format, whatever the extension of the object is', async () => {
    await putAsset(gateway, 'short', { filename: 'a', origin: 'library', object: 'short.m4v' })
    const { headers } = await callApi(gateway, '/v1/videos/short/download')
    expect(headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-disposition': 'attachment; filename="video_short.mp4"',
    })
  })

  test('serves ranges, HEAD and preconditions like any download', async () => {
    const part = await download('', { headers: { range: 'bytes=-10' } })
    expect(part).toMatchObject({ status: 206, body: FILM.subarray(-10) })
    const head = await download('', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '16000000' } })
    const headers = { 'if-none-match': head.headers.etag }
    expect(await download('', { headers })).toMatchObject({ status: 304 })
  })

  test('refuses a range outside of the file in its own shape', async () => {
    const reply = await download('', { headers: { range: 'bytes=16000000-' } })
    expect(errorOf(reply)).toMatchObject({ status: 416, code: 'RANGE_NOT_SATISFIABLE' })
    expect(reply.headers['content-range']).toBe('bytes */16000000')
  })

  test('counts against the limits of the policy', async () => {
    const headers = { authorization: `Bearer ${API_TOKEN}` }
    const open = await openDownload(gateway, `/v1/videos/${ID}/download`, { headers })
    const second = await download()
    expect(errorOf(second)).toMatchObject({ status: 429, code: 'TOO_MANY_CONNECTIONS' })
    expect(second.headers['retry-after']).toBe('5')
    await open.rest()
  })

  test('answers a file that is gone like a video that never was', async () => {
    await putAsset(gateway, 'gone', { filename: 'a', origin: 'library', object: 'gone.mp4' })
    rmSync(join(gateway.root, 'gone.mp4'))
    const gone = errorOf(await callApi(gateway, '/v1/videos/gone/download'))
    expect(gone).toEqual({ status: 404, code: 'VIDEO_NOT_FOUND', message: 'Video not found' })
    expect(errorOf(await callApi(gateway, '/v1/videos/never/download'))).toEqual(gone)
  })

  test('of a video that is not ready says why', async () => {
    const body = { filename: 'a', origin: 'library', object: 'later.mp4', status: 'processing' }
    await putAsset(gateway, 'later', body)
    expect(errorOf(await callApi(gateway, '/v1/videos/later/download'))).toEqual({
      status: 400,
      code: 'VIDEO_NOT_READY',
      message: 'Video is not ready for download. Status: processing',
    })
  })

  test('without a token is 401, and a link does not stand for one', async () => {
    for (const query of ['', new URL(gateway.sign('/files/film.mp4'), gateway.url).search]) {
      const reply = await send(gateway, `/v1/videos/${ID}/download${query}`)
      const unauthorized = { status: 401, code: 'UNAUTHORIZED', message: 'Invalid API key' }
      expect(errorOf(reply)).toEqual(unauthorized)
      expect(reply.headers['www-authenticate']).toBe('Bearer realm="sluice"')
    }
  })

  test('by another method is 405 in its own shape', async () => {
    const reply = await download('', { method: 'DELETE' })
    expect(errorOf(reply)).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' })
    expect(reply.headers.allow).toBe('GET, HEAD, OPTIONS')
  })

  test('is recorded by the client, never by its token', async () => {
    const { headers } = await download('', { headers: { range: 'bytes=0-9' } })
    const record = await poll(async () =>
      (await gateway.records(1)).find(({ request_id }) => request_id === headers['x-request-id']),
    )
    expect(record).toMatchObject({
      route: '/v1/videos/{id}/download',
      path: `/v1/videos/${ID}/download`,
      scheme: 'elytron',
      kid: 'studio',
      status: 206,
      decision: 'permit',
      bytes: 10,
    })
    expect(JSON.stringify([record, gateway.logged])).not.toContain(API_TOKEN)
  })
})

describe('GET /v1/videos/{id}', () => {
  async function urlOf(id: string): Promise<string> {
    const { status, body } = await callApi(gateway, `/v1/videos/${id}`)
    expect(status).toBe(200)
    const { download_url } = JSON.parse(body.toString()) as { download_url: string | null }
    return targetOf(gateway, download_url)
  }

  test('gives a link that opens the file without a header', async () => {
    const { status, headers, body } = await send(gateway, await urlOf(ID))
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'video/mp4',
      'content-disposition': `attachment; filename="video_${ID}.mp4"`,
    })
    expect(body.equals(FILM)).toBe(true)
  })

  test('gives a link to a private video, too: it is signed', async () => {
    const body = { filename: 'a', origin: 'library', object: 'film.webm', require_signed: true }
    await putAsset(gateway, 'private', body)
    expect((await send(gateway, await urlOf('private'))).body.toString()).toBe('in webm')
  })

  test('gives a link that ends after a day', async () => {
    const target = await urlOf(ID)
    clock.advance(DAY - 1)
    expect((await send(gateway, target, { method: 'HEAD' })).status).toBe(200)
    clock.advance(1)
    expect((await send(gateway, target, { method: 'HEAD' })).status).toBe(410)
  })

  test('answers HEAD, and a slash at the end', async () => {
    const { status, headers, body } = await callApi(gateway, `/v1/videos/${ID}`, { method: 'HEAD' })
    expect({ status, size: body.length }).toEqual({ status: 200, size: 0 })
    expect(Number(headers['content-length'])).toBeGreaterThan(100)
    expect((await callApi(gateway, `/v1/videos/${ID}/`)).status).toBe(200)
  })
})
