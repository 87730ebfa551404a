import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KeyRing } from '../../src/link/key-ring.ts'
import { LinkVerifier } from '../../src/link/verify-link.ts'
import { claimedLinks } from '../support/claimed-link.ts'
import { eventually } from '../support/eventually.ts'
import { handleRoutes, listenWith } from '../support/handled-routes.ts'
import { openDownload, type Reply, send } from '../support/http-client.ts'
import { MemoryOrigin } from '../support/memory-origin.ts'
import { NOW, policyOf } from '../support/request-parts.ts'

const TEN_YEARS = 10 * 365 * 86_400
const EVERYTHING = {
  contentDisposition: 'attachment; filename="other name.pdf"',
  contentType: 'application/x-vendor; v=1',
  contentEncoding: 'gzip',
  contentLanguage: 'de-AT',
  cacheControl: 'public, max-age=31536000',
  expires: 'Thu, 01 Jan 2032 00:00:00 GMT',
}
const origin = new MemoryOrigin({
  'a.mp4': {
    bytes: Buffer.alloc(1000, 'a'),
    meta: { etag: '"a"', contentType: 'video/mp4', contentLanguage: 'en' },
  },
  'page.html': {
    bytes: Buffer.from('<script>alert(1)</script>'),
    meta: { contentType: 'text/html' },
  },
  'slow.bin': Buffer.alloc(8 * 1024 * 1024),
})
const handled = handleRoutes([
  {
    path: '/files/',
    originName: 'memory',
    origin,
    policy: policyOf({
      address: { pin: 'first-use' },
      uses: { max: 100 },
      antiFraud: { default: true },
    }),
    verifier: new LinkVerifier(
      [
        claimedLinks({
          plain: {},
          everything: { response: EVERYTHING },
          inline: { response: { contentDisposition: 'inline' } },
          nothing: { response: { contentDisposition: 'INLINE', contentType: 'Text/HTML' } },
          renewing: {
            renew: ({ now }) => ['Set-Cookie', `a=${now}; Path=/`, 'Set-Cookie', 'b=2; HttpOnly'],
          },
          endless: { validUntil: Infinity },
          kept: { validUntil: Infinity },
          secrettokensecrettoken: {},
        }),
      ],
      new KeyRing([]),
    ),
  },
])
let server: Awaited<ReturnType<typeof listenWith>>

beforeAll(async () => {
  server = await listenWith(handled)
})

afterAll(() => {
  server.close()
})

const get = (
  target: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Reply> => send(server, target, { headers, method })

describe('headers of the answer that a link sets', () => {
  it.each([
    ['whole', {}, 200],
    ['a part', { Range: 'bytes=0-9' }, 206],
  ])('are those of %s', async (_what, headers, status) => {
    const reply = await get('/files/a.mp4?claim=everything', headers)
    expect(reply.status).toBe(status)
    expect(reply.headers).toMatchObject({
      'content-disposition': EVERYTHING.contentDisposition,
      'content-type': EVERYTHING.contentType,
      'content-encoding': 'gzip',
      'content-language': 'de-AT',
      expires: EVERYTHING.expires,
    })
  })

  it('come with HEAD as well', async () => {
    const reply = await get('/files/a.mp4?claim=everything', {}, 'HEAD')
    expect(reply.headers).toMatchObject({ 'content-type': EVERYTHING.contentType })
  })

  it('stand in each part of several ranges', async () => {
    const reply = await get('/files/a.mp4?claim=everything', { Range: 'bytes=0-1,5-6' })
    expect(reply.status).toBe(206)
    expect(reply.headers['content-type']).toMatch(/^multipart\/byteranges/)
    expect(reply.body.toString().match(/Content-Type: application\/x-vendor; v=1/gi)).toHaveLength(
      2,
    )
  })

  it('never let a shared cache keep what is gated', async () => {
    const reply = await get('/files/a.mp4?claim=everything')
    expect(reply.headers['cache-control']).toBe('private, no-store')
  })

  it('are the usual ones where the link sets none', async () => {
    const reply = await get('/files/a.mp4?claim=plain')
    expect(reply.headers).toMatchObject({
      'content-disposition': 'attachment; filename="a.mp4"',
      'content-type': 'video/mp4',
      'content-language': 'en',
    })
    expect(reply.headers).not.toHaveProperty('expires')
    expect(reply.headers).not.toHaveProperty('set-cookie')
  })

  it.each(['/files/page.html?claim=inline', '/files/a.mp4?claim=nothing'])(
    'that show markup put it into a sandbox: %s',
    async (target) => {
      expect((await get(target)).headers['content-security-policy']).toBe('sandbox')
    },
  )

  it('that save markup to disk need no sandbox', async () => {
    const { headers } = await get('/files/page.html?claim=plain')
    expect(headers).not.toHaveProperty('content-security-policy')
  })
})

describe('a link that renews itself', () => {
  it.each([
    ['200', {}, 'GET', 200],
    ['206', { Range: 'bytes=0-0' }, 'GET', 206],
    ['304', { 'If-None-Match': '"a"' }, 'GET', 304],
    ['HEAD', {}, 'HEAD', 200],
  ])('sends its cookies with %s', async (_what, headers, method, status) => {
    const reply = await get('/files/a.mp4?claim=renewing', headers, method)
    expect(reply.status).toBe(status)
    expect(reply.headers['set-cookie']).toEqual([`a=${NOW}; Path=/`, 'b=2; HttpOnly'])
  })

  it.each([
    ['416', '/files/a.mp4?claim=renewing', { Range: 'bytes=5000-' }, 416],
    ['412', '/files/a.mp4?claim=renewing', { 'If-Match': '"b"' }, 412],
    ['404', '/files/none?claim=renewing', {}, 404],
  ])('sends none with %s', async (_what, target, headers, status) => {
    const reply = await get(target, headers)
    expect(reply.status).toBe(status)
    expect(reply.headers).not.toHaveProperty('set-cookie')
  })
})

describe('a link without an end', () => {
  it('is good at any time', async () => {
    expect((await get('/files/a.mp4?claim=endless')).status).toBe(200)
    handled.clock.advance(20 * TEN_YEARS)
    expect((await get('/files/a.mp4?claim=endless')).status).toBe(200)
    expect((await get('/files/a.mp4?claim=plain')).status).toBe(410)
    handled.clock.advance(-20 * TEN_YEARS)
  })

  it('leaves no trace that is kept for more than ten years and the grace', async () => {
    const download = await openDownload(server, '/files/slow.bin?claim=kept')
    await download.read(1000)
    download.kill()
    await eventually('over', () => handled.live.count === 0)
    expect((await get('/files/a.mp4?claim=kept')).status).toBe(200)
    for (const table of ['download', 'link_use', 'first_address']) {
      const rows = handled.database
        .prepare(`SELECT typeof(expires) AS type, expires FROM ${table} WHERE link = 'kept'`)
        .all()
      expect([table, rows.length > 0]).toEqual([table, true])
      for (const { type, expires } of rows) {
        expect([table, type]).toEqual([table, 'integer'])
        expect(Number(expires)).toBeLessThanOrEqual(NOW + TEN_YEARS + 86_400)
        expect(Number(expires)).toBeGreaterThan(NOW + TEN_YEARS - 1)
      }
    }
  })
})

describe('a token in a path', () => {
  it.each([
    ['that is good', '/files/!secrettokensecrettoken/a.mp4', 200],
    ['that is refused', '/files/!secrettokensecretwrong/a.mp4', 403],
    ['before a hostile path', '/files/!secrettokensecrettoken/../a', 400],
    ['before nothing', '/files/!secrettokensecrettoken/', 400],
    ['before no object', '/files/!secrettokensecrettoken/none', 404],
  ])('%s stays out of the record', async (_what, target, status) => {
    const before = handled.records.length
    expect((await get(target)).status).toBe(status)
    await eventually('recorded', () => handled.records.length > before)
    const record = handled.records[before]
    expect(JSON.stringify({ ...record, link_id: null })).not.toContain('secrettoken')
    if (status === 200) expect(record).toMatchObject({ path: '/files/a.mp4' })
  })

  it('does not stand in the list of what runs now', async () => {
    const download = await openDownload(server, '/files/!secrettokensecrettoken/slow.bin')
    await download.read(1000)
    expect([...handled.live.list()].map(({ facts }) => facts.path)).toEqual(['/files/slow.bin'])
    download.kill()
    await eventually('over', () => handled.live.count === 0)
  })
})
