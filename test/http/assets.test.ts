import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Reply, send } from '../support/http-client.ts'
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    files: { 'shows/one 1.mp4': 'the first', 'two.mp4': 'the second', 'one.webm': 'the rendition' },
    config: { apis: { origin: 'library', elytron: {} } },
  })
})

afterAll(() => gateway.close())

const ONE = { filename: 'one.mp4', origin: 'library', object: 'shows/one 1.mp4' }

const put = async (id: string, body: object): Promise<number> =>
  (await gateway.admin(`/v1/assets/${id}`, { method: 'PUT', body })).status

const download = (path: string): Promise<Reply> => send(gateway, gateway.sign(path))

describe('an asset', () => {
  it('is downloaded by a signed link, its renditions with their own type', async () => {
    expect(await put('a', { ...ONE, renditions: { webm: { object: 'one.webm' } } })).toBe(201)
    const own = await download('/assets/a/original/one.mp4')
    expect([own.status, own.body.toString()]).toEqual([200, 'the first'])
    expect(own.headers['content-type']).toBe('video/mp4')
    const given = await download('/assets/a/webm/one.webm')
    expect([given.status, given.body.toString()]).toEqual([200, 'the rendition'])
    expect(given.headers['content-type']).toBe('video/webm')
  })

  it('is not downloaded without a link', async () => {
    await put('b', ONE)
    expect((await send(gateway, '/assets/b/original/one.mp4')).status).toBe(401)
    expect((await send(gateway, '/assets/unknown/original/one.mp4')).status).toBe(401)
  })

  it('that is not ready, or gone, is a 404', async () => {
    await put('c', { ...ONE, status: 'processing' })
    expect((await download('/assets/c/original/one.mp4')).status).toBe(404)
    await put('c', ONE)
    expect((await download('/assets/c/original/one.mp4')).status).toBe(200)
    expect((await gateway.admin('/v1/assets/c', { method: 'DELETE' })).status).toBe(204)
    expect((await download('/assets/c/original/one.mp4')).status).toBe(404)
  })

  it('that is replaced serves its new object by the same link', async () => {
    await put('d', ONE)
    const link = gateway.sign('/assets/d/original/one.mp4')
    expect((await send(gateway, link)).body.toString()).toBe('the first')
    expect(await put('d', { ...ONE, object: 'two.mp4' })).toBe(200)
    expect((await send(gateway, link)).body.toString()).toBe('the second')
  })

  it('is minted a link to by the admin API, with all that a link may say', async () => {
    await put('e', ONE)
    const body = { path: '/assets/e/original/one.mp4', filename: 'saved as.mp4', expires_in: 60 }
    const minted = await gateway.admin('/v1/links', { method: 'POST', body })
    const { url } = (await minted.json()) as { url: string }
    const answer = await fetch(url)
    expect(answer.headers.get('content-disposition')).toContain('saved as.mp4')
    expect(await answer.text()).toBe('the first')
  })

  it('of an object that is still being written does not exist', async () => {
    const half = { ...ONE, object: '.sluice-part-x' }
    expect(await put('f', half)).toBe(422)
    expect((await download('/files/.sluice-part-x')).status).toBe(404)
  })
})

it('the catalogue outlives a restart', async () => {
  const first = await startTestGateway({ files: { 'a.mp4': 'a' } })
  await first.admin('/v1/assets/x', {
    method: 'PUT',
    body: { filename: 'a.mp4', origin: 'library', object: 'a.mp4' },
  })
  await first.close({ keepDirectory: true })
  const second = await startTestGateway({ directory: first.directory })
  expect((await second.admin('/v1/assets/x')).status).toBe(200)
  await second.close()
})
