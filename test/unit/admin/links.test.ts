import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AdminFixture, NOW, startAdmin } from './fixture.ts'

let admin: AdminFixture
beforeEach(async () => {
  admin = await startAdmin()
})
afterEach(() => admin.close())

const mint = (body: unknown, headers: Record<string, string> = {}) =>
  admin.call('POST', '/v1/links', { as: 'links', body, headers })

describe('POST /v1/links', () => {
  it('mints with the first native scheme of the route', async () => {
    const { status, json } = await mint({ path: '/files/a%20b.mp4', expires_in: 3600 })
    expect(status).toBe(201)
    expect(json).toEqual({
      url: expect.stringMatching(/^https:\/\/dl\.example\/files\/a%20b\.mp4\?.*&Signature=/),
      id: expect.any(String),
      scheme: 'sluice-hmac',
      kid: 'hmac-1',
      expires_at: NOW + 3600,
    })
  })

  it('takes expires_at, and the default lifetime of the policy without either', async () => {
    const at = await mint({ path: '/files/a', expires_at: NOW + 5 })
    expect(at.json['expires_at']).toBe(NOW + 5)
    const none = await mint({ path: '/strict/a' })
    expect(none.json['expires_at']).toBe(NOW + 60)
  })

  it('carries every constraint of section 5 that this version can enforce', async () => {
    const constraints = {
      nbf: NOW,
      jti: 'my-id',
      ip: [3_232_236_033, '2001:db8::/48'],
      max_parallel_downloads: 2,
      anti_fraud: false,
      streaming: true,
      filename: 'Ünï.mp4',
      multi_use: false,
      rate: 1000,
      accessRules: [
        { type: 'ip.src', action: 'allow', ip: ['203.0.113.0/24'] },
        { type: 'any', action: 'block' },
      ],
      subject: 'alice',
    }
    for (const scheme of ['sluice-hmac', 'sluice-jwt']) {
      const minted = await mint({ path: '/files/a.mp4', scheme, ...constraints })
      expect(minted.status).toBe(201)
      expect(minted.json['id']).toBe('my-id')
      const { json } = await admin.call('POST', '/v1/links/inspect', {
        body: { url: minted.json['url'], as: { ip: '203.0.113.7' } },
      })
      expect(json['proves']).toMatchObject(constraints)
    }
  })

  it.each([3_232_236_033, -1_062_731_263, '3232236033', '192.168.2.1', '192.168.2.0/24', ['::1']])(
    'takes the address %j',
    async (ip) => {
      expect((await mint({ path: '/files/a', ip })).status).toBe(201)
    },
  )

  it('mints an array in order', async () => {
    const paths = ['/files/a', '/files/b', '/files/c']
    const { status, json } = await mint(paths.map((path) => ({ path })))
    expect(status).toBe(201)
    const links = json as unknown as { url: string }[]
    expect(links.map(({ url }) => new URL(url).pathname)).toEqual(paths)
    const one = await mint([{ path: '/files/a' }])
    expect(one.json).toHaveLength(1)
  })

  it.each<[string, unknown, string]>([
    ['no path', {}, 'path'],
    ['a raw space', { path: '/files/a b' }, 'path'],
    ['non-ASCII', { path: '/files/ä' }, 'path'],
    ['a query', { path: '/files/a?b' }, 'path'],
    ['a fragment', { path: '/files/a#b' }, 'path'],
    ['a dot segment', { path: '/files/../a' }, 'path'],
    ['no route', { path: '/else/a' }, 'path'],
    ['a path that is no text', { path: 5 }, 'path'],
    ['an unknown scheme', { path: '/files/a', scheme: 'buny' }, 'scheme'],
    ['a scheme that the route does not take', { path: '/files/a', scheme: 'bunny' }, 'scheme'],
    ['an unknown member', { path: '/files/a', exp: 5 }, 'exp'],
    ['an issue time of its own', { path: '/files/a', iat: 5 }, 'iat'],
    ['a text as lifetime', { path: '/files/a', expires_in: '1h' }, 'expires_in'],
    ['half a second', { path: '/files/a', expires_in: 0.5 }, 'expires_in'],
    ['no lifetime', { path: '/files/a', expires_in: 0 }, 'expires_in'],
    ['a date as expiry', { path: '/files/a', expires_at: '2027-01-01' }, 'expires_at'],
    ['an expiry in the past', { path: '/files/a', expires_at: NOW }, 'expires_at'],
    ['both expiries', { path: '/files/a', expires_in: 5, expires_at: NOW + 5 }, 'expires_at'],
    ['a lifetime beyond the policy', { path: '/strict/a', expires_in: 601 }, 'expires_in'],
    ['an address that is none', { path: '/files/a', ip: '1.2.3' }, 'ip'],
    ['an address with leading zeros', { path: '/files/a', ip: '00123' }, 'ip'],
    ['an address beyond 32 bits', { path: '/files/a', ip: 4_294_967_296 }, 'ip'],
    ['a boolean as address', { path: '/files/a', ip: true }, 'ip'],
    ['no address in the array', { path: '/files/a', ip: [] }, 'ip'],
    ['zero downloads', { path: '/files/a', max_parallel_downloads: 0 }, 'max_parallel_downloads'],
    ['text for a boolean', { path: '/files/a', streaming: 'true' }, 'streaming'],
    ['a long tag', { path: '/files/a', autograph_tag: 'x'.repeat(65) }, 'autograph_tag'],
    ['a slash in the name', { path: '/files/a', filename: 'a/b' }, 'filename'],
    ['null', { path: '/files/a', subject: null }, 'subject'],
    ['no rules', { path: '/files/a', accessRules: [] }, 'accessRules'],
    [
      'a rule of no kind',
      { path: '/files/a', accessRules: [{ type: 'x' }] },
      'accessRules[0].type',
    ],
    ['not even an object', 'text', 'body'],
    ['an empty array', [], 'body'],
    ['more than 1000', Array.from({ length: 1001 }, () => ({ path: '/files/a' })), 'body'],
    ['an item of an array', [{ path: '/files/a' }, { path: 7 }], '[1].path'],
    ['what minting refuses of an array', [{ path: '/files/a' }, { path: '/else' }], '[1].path'],
    ['an unknown member in an array', [{ path: '/files/a', foo: 1 }], '[0].foo'],
  ])('refuses %s by its field', async (_, body, field) => {
    const { status, json } = await mint(body)
    expect([status, json['code']]).toEqual([422, 'invalid_request'])
    expect(json.errors?.map((error) => error.field)).toEqual([field])
    expect(json.errors?.[0]?.message).not.toBe('')
  })

  it('names every wrong member at once', async () => {
    const { json } = await mint({ path: 5, rate: 'fast', filenam: 'x' })
    expect(json.errors?.map((error) => error.field).toSorted()).toEqual(['filenam', 'path', 'rate'])
    const items = await mint([{ path: '/else' }, { path: '/files/a', expires_at: 1 }])
    expect(items.json.errors?.map((error) => error.field)).toEqual(['[0].path', '[1].expires_at'])
  })

  it('mints nothing of an array with a problem, and writes no audit entry', async () => {
    await mint([{ path: '/files/a' }, { path: '/else' }])
    expect(() => admin.audited()).toThrow(/ENOENT/)
  })

  it('writes who minted what, without the URL', async () => {
    const one = await mint({ path: '/files/a.mp4', expires_in: 60 })
    await mint([{ path: '/files/a.mp4' }, { path: '/files/b.mp4' }])
    const [single, many] = admin.audited()
    expect(single).toMatchObject({
      actor: 'token-links',
      action: 'link.mint',
      target: {
        link_id: one.json['id'],
        path: '/files/a.mp4',
        scheme: 'sluice-hmac',
        kid: 'hmac-1',
        expires_at: NOW + 60,
      },
    })
    expect(many).toMatchObject({
      target: { count: 2, links: [{ path: '/files/a.mp4' }, { path: '/files/b.mp4' }] },
    })
  })

  it('gives no link out when the audit log cannot be written', async () => {
    admin.breakAudit()
    const { status, text } = await mint({ path: '/files/a' }, { 'idempotency-key': 'k' })
    expect(status).toBe(500)
    expect(text).not.toMatch(/Signature|ENOSPC|audit/)
    expect(admin.failures).toHaveLength(1)
  })
})

describe('Idempotency-Key', () => {
  const body = { path: '/files/a' }
  const key = { 'idempotency-key': 'order-1' }

  it('gives a repeat the same link and says so', async () => {
    const first = await mint(body, key)
    admin.clock.advance(60)
    const second = await mint(body, key)
    expect(second.status).toBe(201)
    expect(second.json).toEqual(first.json)
    expect(first.headers['idempotency-replayed']).toBeUndefined()
    expect(second.headers['idempotency-replayed']).toBe('true')
    expect(admin.audited()).toHaveLength(1)
  })

  it('mints once for requests at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => mint(body, key)))
    expect(new Set(all.map(({ json }) => json['url'])).size).toBe(1)
    expect(admin.audited()).toHaveLength(1)
  })

  it('refuses the key with another body', async () => {
    await mint(body, key)
    const { status, json } = await mint({ path: '/files/b' }, key)
    expect([status, json['code']]).toEqual([422, 'idempotency_key_reused'])
  })

  it('keeps keys of different tokens apart', async () => {
    const first = await mint(body, key)
    const second = await admin.call('POST', '/v1/links', { as: 'all', body, headers: key })
    expect(second.status).toBe(201)
    expect(second.json['url']).not.toBe(first.json['url'])
  })

  it('keeps no refusal', async () => {
    expect((await mint({ path: '/else' }, key)).status).toBe(422)
    expect((await mint(body, key)).status).toBe(201)
  })

  it('forgets after a day', async () => {
    const first = await mint(body, key)
    admin.clock.advance(86_401)
    const second = await mint(body, key)
    expect(second.json['url']).not.toBe(first.json['url'])
  })

  it.each(['', 'a b', 'x'.repeat(256), 'ä'])('refuses the key %j', async (value) => {
    const { status, json } = await mint(body, { 'idempotency-key': value })
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual(['Idempotency-Key'])
  })
})

describe('POST /v1/links/inspect', () => {
  const inspect = (body: unknown) => admin.call('POST', '/v1/links/inspect', { as: 'read', body })

  it('says what a good link proves and why it is let in', async () => {
    const minted = await mint({ path: '/files/a', ip: '203.0.113.7' })
    const { status, json } = await inspect({
      url: minted.json['url'],
      as: { ip: '203.0.113.7', time: NOW + 5, method: 'HEAD', headers: { referer: 'https://x/' } },
    })
    expect(status).toBe(200)
    expect(json).toMatchObject({
      decision: 'permit',
      route: '/files/',
      link: { scheme: 'sluice-hmac', carrier: 'query' },
      proves: { id: minted.json['id'], kid: 'hmac-1' },
    })
  })

  it('says why a link is refused', async () => {
    const { json: link } = await mint({ path: '/files/a', ip: '203.0.113.7' })
    const elsewhere = await inspect({ url: link['url'], as: { ip: '198.51.100.1' } })
    expect(elsewhere.json).toMatchObject({ decision: 'deny', code: 'address_not_allowed' })
    const late = await inspect({ url: link['url'], as: { ip: '203.0.113.7', time: NOW + 1e6 } })
    expect(late.json).toMatchObject({ decision: 'deny', code: 'link_expired' })
    await admin.call('POST', '/v1/revocations', { body: { link_id: link['id'] } })
    const revoked = await inspect({ url: link['url'], as: { ip: '203.0.113.7' } })
    expect(revoked.json).toMatchObject({ decision: 'deny', code: 'link_revoked' })
  })

  it('answers 200 to what is no link', async () => {
    expect((await inspect({ url: 'nonsense' })).json).toMatchObject({ decision: 'unusable' })
  })

  it.each([
    [{}, 'url'],
    [{ url: '/x', who: {} }, 'who'],
    [{ url: '/x', as: { ip: 'here' } }, 'as.ip'],
    [{ url: '/x', as: { time: 'now' } }, 'as.time'],
    [{ url: '/x', as: { method: 'get' } }, 'as.method'],
    [{ url: '/x', as: { headers: { a: 1 } } }, 'as.headers.a'],
  ])('refuses %j by its field', async (body, field) => {
    const { status, json } = await inspect(body)
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual([field])
  })
})
