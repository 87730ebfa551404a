import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/base/failure.ts'
import type { Rendition } from '../../../src/catalogue/catalogue.ts'
import { type AdminFixture, NOW, startAdmin } from './fixture.ts'

let admin: AdminFixture
beforeEach(async () => {
  admin = await startAdmin()
  for (const name of ['a.mp4', 'b.mp4', 'a.webm', 'shows/ü 1.mov']) admin.library.set(name, name)
})
afterEach(() => admin.close())

const FILE = { filename: 'a.mp4', origin: 'library', object: 'a.mp4' }

const put = (id: string, body: unknown) =>
  admin.call('PUT', `/v1/assets/${id}`, { as: 'assets', body })

const read = async (id: string) =>
  (await admin.call('GET', `/v1/assets/${id}`, { as: 'read' })).json

function made(rendition: Partial<Rendition>): Rendition {
  return {
    assetId: 'x',
    format: 'mov',
    status: 'ready',
    percent: 100,
    origin: 'library',
    object: 'made/x.mov',
    size: 7,
    isGiven: false,
    readyAt: NOW,
    ...rendition,
  }
}

describe('PUT /v1/assets/{id}', () => {
  it('adds an asset and shows it with its defaults', async () => {
    const { status, json, headers } = await put('x', FILE)
    expect(status).toBe(201)
    expect(headers['location']).toBe('/v1/assets/x')
    expect(json).toEqual({
      id: 'x',
      ...FILE,
      pipeline_id: null,
      require_signed: false,
      status: 'ready',
      created_at: NOW,
      renditions: {},
    })
    expect(await read('x')).toEqual(json)
    expect(admin.library.openObjects).toBe(0)
  })

  it('replaces an asset, which keeps the time of its making', async () => {
    await put('x', FILE)
    admin.clock.advance(10_000)
    const body = { ...FILE, filename: 'other.mp4', pipeline_id: 'P', require_signed: true }
    const { status, json, headers } = await put('x', body)
    expect(status).toBe(200)
    expect(headers['location']).toBeUndefined()
    expect(json).toMatchObject({ ...body, created_at: NOW })
    expect(await read('x')).toEqual(json)
  })

  it.each([
    '1',
    'A_b-9',
    '019a2b3c-4d5e-7f60-8192-a3b4c5d6e7f8',
    '0123456789abcdef01234567',
    'x'.repeat(64),
  ])('takes the id %j', async (id) => {
    expect((await put(id, FILE)).status).toBe(201)
  })

  it.each(['x'.repeat(65), 'a.b', 'a%20b', '%C3%BC', 'a%2Fb', '~'])(
    'refuses the id %j',
    async (id) => {
      const { status, json } = await put(id, FILE)
      expect(status).toBe(422)
      expect(json.errors?.map(({ field }) => field)).toEqual(['id'])
    },
  )

  it.each<[object, string]>([
    [{ filename: undefined }, 'filename'],
    [{ filename: 'a/b' }, 'filename'],
    [{ filename: 'a\nb' }, 'filename'],
    [{ origin: undefined }, 'origin'],
    [{ origin: 'archive' }, 'origin'],
    [{ object: undefined }, 'object'],
    [{ object: 'gone.mp4' }, 'object'],
    [{ object: '' }, 'object'],
    [{ object: '/a.mp4' }, 'object'],
    [{ object: '../a.mp4' }, 'object'],
    [{ object: 'x//a.mp4' }, 'object'],
    [{ object: 'x\\a.mp4' }, 'object'],
    [{ object: 'x/./a.mp4', status: 'pending' }, 'object'],
    [{ object: 'a\u0085.mp4', status: 'pending' }, 'object'],
    [{ status: 'done' }, 'status'],
    [{ pipeline_id: '' }, 'pipeline_id'],
    [{ require_signed: 'yes' }, 'require_signed'],
    [{ renditions: { avi: { object: 'a.webm' } } }, 'renditions.avi'],
    [{ renditions: { webm: { object: 'gone.webm' } } }, 'renditions.webm.object'],
    [{ renditions: { webm: { object: '../a.webm' } } }, 'renditions.webm.object'],
    [{ renditions: { webm: 'a.webm' } }, 'renditions.webm'],
    [{ renditions: { mp4: { object: 'b.mp4' } } }, 'renditions.mp4'],
    [{ members: [] }, 'members'],
    [{ other: 1 }, 'other'],
  ])('refuses %j by its field', async (change, field) => {
    const { status, json } = await put('x', { ...FILE, ...change })
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual([field])
    expect(await admin.services.assets.catalogue.asset('x')).toBeUndefined()
  })

  it.each(['pending', 'processing', 'failed'])(
    'takes an object that is not there yet with the status %s',
    async (status) => {
      const body = { ...FILE, object: 'later.mp4', status }
      expect((await put('x', body)).json).toMatchObject(body)
    },
  )

  it('takes its own object among the renditions as what it is in any case', async () => {
    const { status, json } = await put('x', {
      ...FILE,
      renditions: { mp4: { object: FILE.object } },
    })
    expect(status).toBe(201)
    expect(json['renditions']).toEqual({})
  })

  it('takes renditions that lie at the origin; those that are named no longer go', async () => {
    const { json } = await put('x', { ...FILE, renditions: { webm: { object: 'a.webm' } } })
    const shown = { status: 'ready', percent: 100, object: 'a.webm', size: null, expires_at: null }
    expect(json['renditions']).toEqual({ webm: shown })
    const next = await put('x', { ...FILE, renditions: { mov: { object: 'shows/ü 1.mov' } } })
    expect(next.json['renditions']).toEqual({ mov: { ...shown, object: 'shows/ü 1.mov' } })
    expect(admin.renditions.forgotten).toEqual([])
  })

  it('forgets what was made of another object, and nothing when the object stays', async () => {
    const { catalogue } = admin.services.assets
    await put('x', FILE)
    await catalogue.putRendition(made({}))
    await put('x', { ...FILE, filename: 'new name.mp4' })
    expect(admin.renditions.forgotten).toEqual([])
    expect(await catalogue.renditions('x')).toHaveLength(1)
    await put('x', { ...FILE, object: 'b.mp4' })
    expect(admin.renditions.forgotten).toEqual(['x'])
    expect(await catalogue.renditions('x')).toEqual([])
  })

  it('lets a given rendition take the place of one that was made', async () => {
    await put('x', FILE)
    await admin.services.assets.catalogue.putRendition(made({ format: 'webm' }))
    await put('x', { ...FILE, renditions: { webm: { object: 'a.webm' } } })
    expect(admin.renditions.forgotten).toEqual(['x'])
    expect((await read('x'))['renditions']).toMatchObject({ webm: { object: 'a.webm' } })
  })

  it('takes an archive of assets', async () => {
    await put('x', FILE)
    await put('y', { ...FILE, object: 'b.mp4' })
    const { status, json } = await put('all', { filename: 'all', members: ['y', 'x'] })
    expect(status).toBe(201)
    expect(json).toMatchObject({ id: 'all', origin: null, object: null, members: ['y', 'x'] })
    expect(await read('all')).toEqual(json)
  })

  it.each<[object, string]>([
    [{ members: ['x', 'unknown'] }, 'members[1]'],
    [{ members: ['x', 'x'] }, 'members[1]'],
    [{ members: ['box'] }, 'members[0]'],
    [{ members: ['new'] }, 'members[0]'],
    [{ members: ['x'], origin: 'library' }, 'origin'],
    [{ members: ['x'], object: 'a.mp4' }, 'object'],
    [{ members: ['x'], renditions: { webm: { object: 'a.webm' } } }, 'renditions'],
  ])('refuses the archive %j by its field', async (body, field) => {
    await put('x', FILE)
    await put('box', { filename: 'box', members: ['x'] })
    const { status, json } = await put('new', { filename: 'new', ...body })
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual([field])
  })

  it('says when the origin does not answer', async () => {
    admin.library.openFailure = new GatewayError('ERR_ORIGIN_TIMEOUT', 'silent')
    const { status, json } = await put('x', FILE)
    expect([status, json['code']]).toEqual([502, 'origin_failed'])
  })

  it('changes nothing without an entry in the audit log', async () => {
    admin.breakAudit()
    expect((await put('x', FILE)).status).toBe(500)
    expect(await admin.services.assets.catalogue.asset('x')).toBeUndefined()
  })
})

describe('GET /v1/assets', () => {
  it('lists page by page in the order of the ids', async () => {
    for (const id of ['c', 'a', 'b']) await put(id, FILE)
    const page = async (query: string) => {
      const { json } = await admin.call('GET', `/v1/assets${query}`, { as: 'read' })
      return [(json['assets'] as { id: string }[]).map(({ id }) => id), json['next']]
    }
    expect(await page('')).toEqual([['a', 'b', 'c'], null])
    expect(await page('?limit=2')).toEqual([['a', 'b'], 'b'])
    expect(await page('?limit=2&after=b')).toEqual([['c'], null])
    expect(await page('?after=c')).toEqual([[], null])
  })

  it.each(['limit=0', 'limit=1001', 'limit=x', 'after=a.b', 'page=1'])(
    'refuses %j',
    async (query) => {
      expect((await admin.call('GET', `/v1/assets?${query}`)).status).toBe(422)
    },
  )

  it('shows until when a rendition is kept, and why one failed', async () => {
    const { catalogue } = admin.services.assets
    await put('x', FILE)
    await catalogue.putRendition(made({}))
    await catalogue.putRendition(made({ format: 'flv', status: 'failed', error: 'no codec' }))
    const order = { assetId: 'x', format: 'mov', orderedAt: NOW } as const
    await catalogue.putOrder({ ...order, holder: 'elytron', keepSeconds: 60 })
    await catalogue.putOrder({ ...order, holder: 'ibm', keepSeconds: 90 })
    const kept = { mov: { size: 7, expires_at: NOW + 90 }, flv: { error: 'no codec' } }
    expect((await read('x'))['renditions']).toMatchObject(kept)
    await catalogue.putOrder({ ...order, holder: 'stream' })
    expect((await read('x'))['renditions']).toMatchObject({ mov: { expires_at: null } })
  })

  it('knows no other id', async () => {
    expect((await admin.call('GET', '/v1/assets/none')).status).toBe(404)
    expect((await admin.call('GET', '/v1/assets/a.b')).status).toBe(404)
  })
})

describe('DELETE /v1/assets/{id}', () => {
  it('removes the asset after what was made of it', async () => {
    await put('x', FILE)
    const { status } = await admin.call('DELETE', '/v1/assets/x', { as: 'assets' })
    expect(status).toBe(204)
    expect(admin.renditions.forgotten).toEqual(['x'])
    expect((await admin.call('GET', '/v1/assets/x')).status).toBe(404)
    expect((await admin.call('DELETE', '/v1/assets/x')).status).toBe(404)
  })
})

it('every change of an asset is audited', async () => {
  await put('x', FILE)
  await put('x', { ...FILE, object: '../x' })
  await admin.call('DELETE', '/v1/assets/x', { as: 'assets' })
  const entries = admin.audited().map(({ actor, action, target }) => ({ actor, action, target }))
  expect(entries).toMatchObject([
    { actor: 'token-assets', action: 'asset.put', target: { id: 'x', ...FILE } },
    { actor: 'token-assets', action: 'asset.remove', target: { id: 'x', ...FILE } },
  ])
})
