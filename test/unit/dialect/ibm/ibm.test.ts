import { beforeEach, describe, expect, test } from 'vitest'
import type { Downloadable } from '../../../../src/dialect/ibm/downloadable.ts'
import { errorSchema } from '../../../../src/dialect/ibm/errors.ts'
import type { ApiAnswer } from '../../../../src/http/api.ts'
import { contextOf, NOW } from '../../../support/request-parts.ts'
import { jsonOf, makeApis, POOR_TOKEN, type TestApis, textOf } from '../../../support/test-apis.ts'

const ID = '67608281'
const DAY = 86_400
const UNAVAILABLE = { status: 'unavailable', download_url: null, expires_at: null }
const PENDING = { status: 'pending', download_url: null, expires_at: null }

let apis: TestApis

beforeEach(() => {
  apis = makeApis(['ibm'])
})

function pathOf(format: string): string {
  return `/videos/${ID}/downloadable/${format}.json`
}

async function ask(method: 'GET' | 'POST', format: 'mp4' | 'flv'): Promise<Downloadable> {
  const { status, body } = jsonOf(await apis.call(pathOf(format), { method }))
  expect(status).toBe(200)
  return (body as { downloadable: Downloadable }).downloadable
}

function linkOf({ download_url }: Downloadable): { path: string; expires: number; name: string } {
  const { pathname, searchParams } = new URL(download_url ?? '')
  return {
    path: pathname,
    expires: Number(searchParams.get('Expires')),
    name: searchParams.get('filename') ?? '',
  }
}

function errorOf(answer: ApiAnswer | undefined): { status: number; error: string } {
  const { status, body } = jsonOf(answer)
  return { status, error: errorSchema.strict().parse(body).error }
}

describe('the own container', () => {
  test.each([
    ['GET', 'mp4'],
    ['POST', 'mp4'],
    ['GET', 'flv'],
    ['POST', 'flv'],
  ] as const)('is available at once: %s %s', async (method, format) => {
    await apis.put({ id: ID, object: `a.${format}`, filename: 'Film – 1.x.avi' })
    const found = await ask(method, format)
    expect(found).toMatchObject({ status: 'available', expires_at: NOW + DAY })
    expect(linkOf(found)).toEqual({
      path: `/assets/${ID}/${format}/Film_1.x.${format}`,
      expires: NOW + DAY,
      name: `Film – 1.x.${format}`,
    })
    expect(await apis.catalogue.orders(ID, format)).toEqual([])
  })

  test('is available for a day from each answer on', async () => {
    await apis.put({ id: ID })
    await ask('GET', 'mp4')
    apis.clock.advance(2 * DAY)
    expect((await ask('GET', 'mp4')).expires_at).toBe(NOW + 3 * DAY)
  })

  test('has a link even if its name is as long as names can be', async () => {
    await apis.put({ id: ID, filename: 'ä'.repeat(127) })
    expect(linkOf(await ask('GET', 'mp4')).name).toBe(`${'ä'.repeat(125)}.mp4`)
  })
})

describe('another format', () => {
  test('is unavailable until a POST asks for it', async () => {
    await apis.put({ id: ID })
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
    expect(await apis.catalogue.rendition(ID, 'flv')).toBeUndefined()
    expect(await ask('POST', 'flv')).toEqual(PENDING)
    expect(await ask('GET', 'flv')).toEqual(PENDING)
    await apis.renditions.become(ID, 'flv', 'processing')
    expect(await ask('GET', 'flv')).toEqual(PENDING)
    expect(await ask('POST', 'flv')).toEqual(PENDING)
  })

  test('is available for 24 hours after it became so, to the second', async () => {
    await apis.put({ id: ID })
    await ask('POST', 'flv')
    apis.clock.advance(100)
    await apis.renditions.become(ID, 'flv', 'ready')
    const end = NOW + 100 + DAY
    for (const seconds of [0, 1000, DAY - 1001]) {
      apis.clock.advance(seconds)
      const found = await ask('GET', 'flv')
      expect(found).toMatchObject({ status: 'available', expires_at: end })
      expect(linkOf(found)).toEqual({
        path: `/assets/${ID}/flv/holiday.flv`,
        expires: end,
        name: 'holiday.flv',
      })
    }
    apis.clock.advance(1)
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
  })

  test('is not prolonged by another POST', async () => {
    await apis.put({ id: ID })
    await ask('POST', 'flv')
    await apis.renditions.become(ID, 'flv', 'ready')
    apis.clock.advance(DAY - 1)
    expect((await ask('POST', 'flv')).expires_at).toBe(NOW + DAY)
    expect((await ask('GET', 'flv')).expires_at).toBe(NOW + DAY)
  })

  test('that has ended and is still there is available anew after a POST', async () => {
    await apis.put({ id: ID })
    await ask('POST', 'flv')
    await apis.renditions.become(ID, 'flv', 'ready')
    apis.clock.advance(DAY)
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
    expect((await ask('POST', 'flv')).expires_at).toBe(NOW + 2 * DAY)
    apis.clock.advance(DAY - 1)
    expect((await ask('GET', 'flv')).expires_at).toBe(NOW + 2 * DAY)
    apis.clock.advance(1)
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
  })

  test('that has ended and was removed is made again after a POST', async () => {
    const asset = await apis.put({ id: ID })
    await ask('POST', 'flv')
    await apis.renditions.become(ID, 'flv', 'ready')
    apis.clock.advance(DAY)
    await apis.renditions.forget(asset.id)
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
    expect(await ask('POST', 'flv')).toEqual(PENDING)
    await apis.renditions.become(ID, 'flv', 'ready')
    expect((await ask('GET', 'flv')).expires_at).toBe(NOW + 2 * DAY)
  })

  test('that another API had made is available since the POST', async () => {
    const asset = await apis.put({ id: ID })
    await apis.renditions.order(asset, 'flv', { holder: 'x', keepSeconds: undefined, renew: false })
    await apis.renditions.become(ID, 'flv', 'ready')
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
    apis.clock.advance(500)
    expect((await ask('POST', 'flv')).expires_at).toBe(NOW + 500 + DAY)
    apis.clock.advance(500)
    expect((await ask('GET', 'flv')).expires_at).toBe(NOW + 500 + DAY)
  })

  test('that was given is unavailable until a POST, and then for a day', async () => {
    await apis.put({ id: ID }, { flv: 'films/given.flv' })
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
    apis.clock.advance(60)
    expect((await ask('POST', 'flv')).expires_at).toBe(NOW + 60 + DAY)
    apis.clock.advance(60)
    expect((await ask('GET', 'flv')).expires_at).toBe(NOW + 60 + DAY)
    apis.clock.advance(DAY - 60)
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
    expect((await ask('POST', 'flv')).expires_at).toBe(NOW + 60 + 2 * DAY)
  })

  test('that could not be made is unavailable, and a POST tries again', async () => {
    await apis.put({ id: ID })
    await ask('POST', 'flv')
    await apis.renditions.become(ID, 'flv', 'failed')
    expect(await ask('GET', 'flv')).toEqual(UNAVAILABLE)
    expect(await ask('POST', 'flv')).toEqual(PENDING)
  })

  test('has a new link with each answer where the policy has shorter ones', async () => {
    apis = makeApis(['ibm'], { policy: { lifetime: { defaultSeconds: 60, maxSeconds: 3600 } } })
    await apis.put({ id: ID })
    await ask('POST', 'flv')
    await apis.renditions.become(ID, 'flv', 'ready')
    const rows = [
      [0, NOW + 3600],
      [1000, NOW + 4600],
      [DAY - 1060, NOW + DAY],
    ] as const
    for (const [seconds, expires] of rows) {
      apis.clock.advance(seconds)
      const found = await ask('GET', 'flv')
      expect(found.expires_at).toBe(NOW + DAY)
      expect(linkOf(found).expires).toBe(expires)
    }
  })
})

test.each(['pending', 'processing', 'failed'] as const)(
  'a video that is %s has nothing to download, and nothing is made of it',
  async (status) => {
    await apis.put({ id: ID, status })
    for (const method of ['GET', 'POST'] as const) {
      expect(await ask(method, 'mp4')).toEqual(UNAVAILABLE)
      expect(await ask(method, 'flv')).toEqual(UNAVAILABLE)
    }
    expect(await apis.catalogue.orders(ID, 'flv')).toEqual([])
  },
)

describe.each(['GET', 'POST'])('%s', (method) => {
  test.each([
    ['no token', {}],
    ['another kind of credentials', { authorization: 'Basic YTpi' }],
    ['an unknown token', { authorization: 'Bearer token-of-nobody' }],
    ['the token of a client without the scope', { authorization: `Bearer ${POOR_TOKEN}` }],
  ])('with %s is unauthorized, whatever is asked for', async (_, headers) => {
    for (const path of [pathOf('mp4'), pathOf('avi')]) {
      const answer = await apis.call(path, { method, headers })
      expect(errorOf(answer)).toEqual({ status: 401, error: 'invalid_token' })
      expect(textOf(answer).headers).toEqual(['WWW-Authenticate', 'Bearer realm="sluice"'])
    }
  })

  test('of an unknown id, an archive or another format is not found', async () => {
    const notFound = { status: 404, error: 'not_found' }
    expect(errorOf(await apis.call(pathOf('mp4'), { method }))).toEqual(notFound)
    await apis.put({ id: ID, origin: '', object: '', members: ['a'] })
    expect(errorOf(await apis.call(pathOf('mp4'), { method }))).toEqual(notFound)
    await apis.put({ id: ID })
    for (const format of ['webm', 'MP4', 'mp4.json']) {
      expect(errorOf(await apis.call(pathOf(format), { method }))).toEqual(notFound)
    }
  })
})

test.each([
  [401, 'link_missing', 'invalid_token'],
  [404, 'object_not_found', 'not_found'],
  [405, 'method_not_allowed', 'method_not_allowed'],
  [429, 'too_many_downloads', 'too_many_requests'],
  [500, 'internal_error', 'internal_error'],
  [503, 'state_unavailable', 'service_unavailable'],
])('what the gateway says with %i %s is %s', (status, code, error) => {
  const path = pathOf('mp4')
  const problem = { status, code, title: 'A title' }
  expect(errorOf(apis.endpoint(path).problem(contextOf(path), problem))).toEqual({ status, error })
})
