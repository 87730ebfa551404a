import { beforeEach, describe, expect, test } from 'vitest'
import type { ApiAnswer } from '../../../../src/http/api.ts'
import { errorSchema } from '../../../../src/dialect/elytron/errors.ts'
import { videoSchema } from '../../../../src/dialect/elytron/video.ts'
import { contextOf, NOW } from '../../../support/request-parts.ts'
import {
  jsonOf,
  makeApis,
  objectOf,
  POOR_TOKEN,
  type TestApis,
  textOf,
} from '../../../support/test-apis.ts'

const ID = '550e8400-e29b-41d4-a716-446655440000'

let apis: TestApis

beforeEach(() => {
  apis = makeApis(['elytron'])
})

function errorOf(answer: ApiAnswer | undefined): { status: number; code: string; message: string } {
  const { status, body } = jsonOf(answer)
  return { status, ...errorSchema.strict().parse(body).error }
}

function notReady(status: string): object {
  const message = `Video is not ready for download. Status: ${status}`
  return { status: 400, code: 'VIDEO_NOT_READY', message }
}

const PATHS = [`/v1/videos/${ID}`, `/v1/videos/${ID}/download`]

describe.each(PATHS)('%s', (path) => {
  test.each([
    ['no token', {}],
    ['another kind of credentials', { authorization: 'Basic YTpi' }],
    ['an unknown token', { authorization: 'Bearer token-of-nobody' }],
    ['two tokens', { authorization: 'Bearer token-of-all token-of-all' }],
    ['the token of a client without the scope', { authorization: `Bearer ${POOR_TOKEN}` }],
  ])('%s is unauthorized', async (_, headers) => {
    await apis.put({ id: ID })
    const answer = await apis.call(path, { headers })
    expect(jsonOf(answer)).toEqual({
      status: 401,
      body: { error: { code: 'UNAUTHORIZED', message: 'Invalid API key' } },
    })
    expect(textOf(answer).headers).toEqual(['WWW-Authenticate', 'Bearer realm="sluice"'])
  })

  test('an unknown id and an archive are not found', async () => {
    const notFound = { status: 404, code: 'VIDEO_NOT_FOUND', message: 'Video not found' }
    expect(errorOf(await apis.call(path))).toEqual(notFound)
    await apis.put({ id: ID, origin: '', object: '', members: ['a'] })
    expect(errorOf(await apis.call(path))).toEqual(notFound)
  })

  test.each(['?frmat=webm', '?format=mp4&format=webm', '?format=%ZZ', '?format=m\u00e4h'])(
    'the query %s is refused',
    async (query) => {
      await apis.put({ id: ID })
      const refused = errorOf(await apis.call(path + query))
      expect(refused).toMatchObject({ status: 400, code: 'INVALID_REQUEST' })
    },
  )

  test('parameters that the policy ignores do no harm', async () => {
    await apis.put({ id: ID })
    const answer = await apis.call(`${path}?utm_source=mail`)
    expect(answer.kind === 'object' ? 200 : textOf(answer).status).toBe(200)
  })
})

describe('a video', () => {
  test('that is completed has a link for a day that saves under its id', async () => {
    await apis.put({ id: ID })
    const { status, body } = jsonOf(await apis.call(`/v1/videos/${ID}`))
    expect(status).toBe(200)
    const { download_url, ...video } = videoSchema.strict().parse(body)
    expect(video).toEqual({
      id: ID,
      status: 'completed',
      filename: 'holiday.mp4',
      format: 'mp4',
      created_at: '2027-01-15T08:00:00.000Z',
      download_url_expires_at: '2027-01-16T08:00:00.000Z',
    })
    const url = new URL(download_url ?? '')
    expect(url.origin + url.pathname).toBe(`https://files.example/assets/${ID}/mp4/video_${ID}.mp4`)
    expect(url.searchParams.get('filename')).toBe(`video_${ID}.mp4`)
    expect(url.searchParams.get('Expires')).toBe(String(NOW + 86_400))
  })

  test('has a link that ends with the longest life of the policy', async () => {
    apis = makeApis(['elytron'], { policy: { lifetime: { defaultSeconds: 60, maxSeconds: 600 } } })
    await apis.put({ id: ID })
    const { body } = jsonOf(await apis.call(`/v1/videos/${ID}`))
    expect(body).toMatchObject({ download_url_expires_at: '2027-01-15T08:10:00.000Z' })
  })

  test.each([
    ['films/a.webm', 'webm', 'webm', 'webm'],
    ['films/a.qt', 'mov', 'mov', 'mov'],
    ['films/a.mkv', null, 'original', 'MKV'],
    ['films/a', null, 'original', undefined],
  ])('of %s has a link to it as it is', async (object, format, folder, extension) => {
    const filename = extension === undefined ? 'film' : `film.${extension}`
    await apis.put({ id: ID, object, filename })
    const { body } = jsonOf(await apis.call(`/v1/videos/${ID}`))
    const video = videoSchema.parse(body)
    expect(video.format).toBe(format)
    const name = extension === undefined ? '' : `.${extension.toLowerCase()}`
    const { pathname, searchParams } = new URL(video.download_url ?? '')
    expect(pathname).toBe(`/assets/${ID}/${folder}/video_${ID}${name}`)
    expect(searchParams.get('filename')).toBe(`video_${ID}${name}`)
  })

  test.each(['pending', 'processing', 'failed'] as const)('that is %s has none', async (status) => {
    await apis.put({ id: ID, status })
    const { body } = jsonOf(await apis.call(`/v1/videos/${ID}`))
    expect(videoSchema.parse(body)).toMatchObject({
      status,
      download_url: null,
      download_url_expires_at: null,
    })
  })

  test('without a key that signs its link is a failure of the gateway', async () => {
    apis = makeApis(['elytron'], { keys: [] })
    await apis.put({ id: ID })
    await expect(apis.call(`/v1/videos/${ID}`)).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
  })
})

describe('a download', () => {
  const download = (query = ''): Promise<ApiAnswer> =>
    apis.call(`/v1/videos/${ID}/download${query}`)

  test.each(['', '?format=mp4'])('in its own container needs no rendition: %s', async (query) => {
    await apis.put({ id: ID })
    const { name, grant, missing } = objectOf(await download(query))
    expect(name).toBe(`${ID}/mp4/video_${ID}.mp4`)
    expect(grant).toMatchObject({
      scheme: 'elytron',
      key: { kid: 'all' },
      resource: { kind: 'exact', path: `/assets/${name}` },
      constraints: { filename: `video_${ID}.mp4`, streaming: false },
    })
    expect(errorOf(missing)).toMatchObject({ status: 404, code: 'VIDEO_NOT_FOUND' })
    expect(await apis.catalogue.orders(ID, 'mp4')).toEqual([])
  })

  test('of another format is made, and served when it is ready', async () => {
    await apis.put({ id: ID })
    expect(errorOf(await download('?format=webm'))).toEqual(notReady('processing'))
    await apis.renditions.become(ID, 'webm', 'processing')
    expect(errorOf(await download('?format=webm'))).toEqual(notReady('processing'))
    await apis.renditions.become(ID, 'webm', 'ready')
    const { name, grant } = objectOf(await download('?format=webm'))
    expect(name).toBe(`${ID}/webm/video_${ID}.webm`)
    expect(grant.constraints.filename).toBe(`video_${ID}.webm`)
  })

  test('of a format that could not be made says so', async () => {
    const asset = await apis.put({ id: ID })
    await apis.renditions.order(asset, 'mov', { holder: 'x', keepSeconds: 1, renew: false })
    await apis.renditions.become(ID, 'mov', 'failed')
    apis.renditions.order = async () => {
      const rendition = await apis.renditions.find(asset, 'mov')
      if (!rendition) throw new Error('it is gone')
      return rendition
    }
    expect(errorOf(await download('?format=mov'))).toEqual(notReady('failed'))
  })

  test('of a format that was given needs no work', async () => {
    await apis.put({ id: ID }, { mov: 'films/given.mov' })
    expect(objectOf(await download('?format=mov')).name).toBe(`${ID}/mov/video_${ID}.mov`)
  })

  test('keeps its rendition as long as it is asked for', async () => {
    await apis.put({ id: ID })
    await download('?format=webm')
    await apis.renditions.become(ID, 'webm', 'ready')
    const WEEK = 604_800
    apis.clock.advance(WEEK - 1)
    await download('?format=webm')
    apis.clock.advance(WEEK - 1)
    expect(await apis.catalogue.expired(NOW + 2 * WEEK - 2)).toEqual([])
    expect(await apis.catalogue.expired(NOW + 2 * WEEK - 1)).toHaveLength(1)
  })

  test.each(['pending', 'processing', 'failed'] as const)(
    'of a video that is %s orders nothing',
    async (status) => {
      await apis.put({ id: ID, status })
      for (const query of ['', '?format=webm']) {
        expect(errorOf(await download(query))).toEqual(notReady(status))
      }
      expect(await apis.catalogue.orders(ID, 'webm')).toEqual([])
    },
  )

  test.each(['avi', 'MP4', 'flv', '', '../mp4'])('in the format %j is refused', async (format) => {
    await apis.put({ id: ID })
    const answer = await download(`?format=${encodeURIComponent(format)}`)
    expect(errorOf(answer)).toMatchObject({ status: 400, code: 'INVALID_FORMAT' })
  })

  test('opens a video whose links need a token: the key is its owner', async () => {
    await apis.put({ id: ID, requireSigned: true })
    expect(objectOf(await download()).name).toBe(`${ID}/mp4/video_${ID}.mp4`)
  })
})

describe('what the gateway says', () => {
  test.each([
    [401, 'link_missing', 'UNAUTHORIZED'],
    [403, 'address_not_allowed', 'ADDRESS_NOT_ALLOWED'],
    [404, 'object_not_found', 'VIDEO_NOT_FOUND'],
    [405, 'method_not_allowed', 'METHOD_NOT_ALLOWED'],
    [416, 'range_not_satisfiable', 'RANGE_NOT_SATISFIABLE'],
    [429, 'too_many_downloads', 'TOO_MANY_DOWNLOADS'],
    [500, 'internal_error', 'INTERNAL_ERROR'],
    [502, 'origin_unreachable', 'ORIGIN_UNREACHABLE'],
    [503, 'state_unavailable', 'SERVICE_UNAVAILABLE'],
  ])('with %i %s is %s', (status, code, expected) => {
    const path = `/v1/videos/${ID}/download`
    const problem = { status, code, title: 'A title' }
    const answer = apis.endpoint(path).problem(contextOf(path), problem)
    expect(errorOf(answer)).toMatchObject({ status, code: expected })
  })
})
