import { afterEach, beforeEach, expect, test } from 'vitest'
import { API_CLIENT, callApi, putAsset, targetOf } from '../support/api-client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type Reply, send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'
import type { Downloadable } from '../../src/dialect/ibm/downloadable.ts'

const ID = '67608281'
const START = 1_800_000_000
const DAY = 86_400
const UNAVAILABLE = { status: 'unavailable', download_url: null, expires_at: null }

let clock: FakeClock
let gateway: TestGateway

beforeEach(async () => {
  clock = new FakeClock(START)
  gateway = await startTestGateway({
    clock,
    files: { 'film.mp4': 'in mp4', 'film.flv': 'in flv' },
    policies: { default: { resume: { graceSeconds: 0 } } },
    config: { apis: { origin: 'library', ibm: {} } },
    clients: [API_CLIENT],
  })
  await putAsset(gateway, ID, {
    filename: 'My film.mp4',
    origin: 'library',
    object: 'film.mp4',
    renditions: { flv: { object: 'film.flv' } },
  })
})

afterEach(() => gateway.close())

async function ask(method: 'GET' | 'POST', format: string): Promise<Downloadable> {
  const target = `/videos/${ID}/downloadable/${format}.json`
  const { status, headers, body } = await callApi(gateway, target, { method })
  expect(status).toBe(200)
  expect(headers['content-type']).toBe('application/json')
  const { downloadable, ...rest } = JSON.parse(body.toString()) as { downloadable: Downloadable }
  expect(rest).toEqual({})
  return downloadable
}

function follow({ download_url }: Downloadable): Promise<Reply> {
  return send(gateway, targetOf(gateway, download_url))
}

test('the own container is there at once and downloads without a header', async () => {
  const found = await ask('GET', 'mp4')
  expect(found).toMatchObject({ status: 'available', expires_at: START + DAY })
  const { status, headers, body } = await follow(found)
  expect({ status, body: body.toString() }).toEqual({ status: 200, body: 'in mp4' })
  expect(headers).toMatchObject({
    'content-type': 'video/mp4',
    'content-disposition': 'attachment; filename="My film.mp4"',
  })
})

test('another format is there from the POST on, for 24 hours to the second', async () => {
  expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
  clock.advance(50)
  const requested = await ask('POST', 'flv')
  const end = START + 50 + DAY
  expect(requested).toMatchObject({ status: 'available', expires_at: end })
  clock.advance(DAY - 1)
  const found = await ask('GET', 'flv')
  expect(found).toMatchObject({ status: 'available', expires_at: end })
  for (const version of [requested, found]) {
    const { status, headers, body } = await follow(version)
    expect({ status, body: body.toString() }).toEqual({ status: 200, body: 'in flv' })
    expect(headers).toMatchObject({
      'content-type': 'video/x-flv',
      'content-disposition': 'attachment; filename="My film.flv"',
    })
  }
  clock.advance(1)
  expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
  expect((await follow(found)).status).toBe(410)
  expect(await ask('POST', 'flv')).toMatchObject({ status: 'available', expires_at: end + DAY })
})

test('a slash at the end changes nothing', async () => {
  const target = `/videos/${ID}/downloadable/mp4.json/`
  expect((await callApi(gateway, target, { method: 'POST' })).status).toBe(200)
})

test('errors are in the shape of the API', async () => {
  const target = `/videos/${ID}/downloadable/mp4.json`
  const rows = [
    [await send(gateway, target), 401, 'invalid_token'],
    [await callApi(gateway, '/videos/1/downloadable/mp4.json'), 404, 'not_found'],
    [await callApi(gateway, `/videos/${ID}/downloadable/webm.json`), 404, 'not_found'],
    [await callApi(gateway, target, { method: 'DELETE' }), 405, 'method_not_allowed'],
  ] as const
  for (const [{ status, headers, body }, expected, error] of rows) {
    expect(status).toBe(expected)
    expect(headers['content-type']).toBe('application/json')
    expect(JSON.parse(body.toString())).toMatchObject({ error })
  }
  expect(rows[0][0].headers['www-authenticate']).toBe('Bearer realm="sluice"')
  expect(rows[3][0].headers.allow).toBe('GET, POST, HEAD, OPTIONS')
})
