import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AdminFixture, NOW, startAdmin } from './fixture.ts'

let admin: AdminFixture
beforeEach(async () => {
  admin = await startAdmin()
})
afterEach(() => admin.close())

const get = (path: string) => admin.call('GET', path, { as: 'read' })

describe('/v1/downloads', () => {
  it('lists what runs now', async () => {
    admin.run({ subject: 'alice', size: undefined }, 2)
    const { json } = await get('/v1/downloads')
    expect(json).toEqual({
      downloads: [
        {
          id: expect.any(String),
          node: 'node-1',
          link_id: 'L1',
          kid: 'hmac-1',
          scheme: 'sluice-hmac',
          subject: 'alice',
          path: '/files/a.mp4',
          client: '203.0.113.7',
          started_at: NOW,
          connections: 2,
          bytes: 200,
          size: null,
          coverage: 0.1235,
        },
      ],
      unanswered: [],
      omitted: 0,
    })
  })

  it('ends one with all of its connections', async () => {
    const ended = admin.run({}, 2)
    const other = admin.run({ linkId: 'L2' })
    const { json } = await get('/v1/downloads')
    const [first] = json['downloads'] as { id: string }[]
    const path = `/v1/downloads/${first?.id}`
    expect((await admin.call('DELETE', path, { as: 'revoke' })).status).toBe(204)
    expect([ended, other]).toEqual([['gateway', 'gateway'], []])
    expect((await admin.call('DELETE', path, { as: 'revoke' })).status).toBe(404)
    expect(admin.audited()).toMatchObject([
      { actor: 'token-revoke', action: 'download.end', target: { id: first?.id, link_id: 'L1' } },
    ])
  })

  it('goes on when its end cannot be audited', async () => {
    const ended = admin.run({})
    const { json } = await get('/v1/downloads')
    const [first] = json['downloads'] as { id: string }[]
    admin.breakAudit()
    expect((await admin.call('DELETE', `/v1/downloads/${first?.id}`)).status).toBe(500)
    expect(ended).toEqual([])
  })
})

describe('/v1/records', () => {
  const ids = async (query: string): Promise<unknown[]> => {
    const { json } = await get(`/v1/records${query}`)
    return (json['records'] as { request_id: string }[]).map((record) => record.request_id)
  }

  it('lists recent requests, newest first', async () => {
    for (const request_id of ['a', 'b', 'c']) admin.record({ request_id })
    expect(await ids('')).toEqual(['c', 'b', 'a'])
    expect(await ids('?limit=2')).toEqual(['c', 'b'])
  })

  it('lists 100 unless told', async () => {
    for (let i = 0; i < 100; i++) admin.record({ request_id: `${i}` })
    expect(await ids('')).toHaveLength(100)
  })

  it.each([
    ['link_id=L2', { link_id: 'L2' }],
    ['client=2001:DB8:0::1', { client: '2001:db8::1' }],
    ['reason=link_expired', { reason: 'link_expired' }],
    ['reason=network_blocked', { observed: 'network_blocked' }],
    ['status=410', { status: 410 }],
    ['path=/files/b%20c.mp4', { path: '/files/b c.mp4' }],
    ['path=/other/*', { path: '/other/x' }],
    ['decision=deny', { decision: 'deny' as const }],
    [`since=${NOW + 10}`, { time: new Date((NOW + 10) * 1000).toISOString() }],
    ['link_id=L2&status=410', { link_id: 'L2', status: 410 }],
  ])('filters by %s', async (query, record) => {
    admin.record({ request_id: 'wanted', ...record })
    admin.record({ request_id: 'other' })
    admin.record({ request_id: 'none', path: null })
    expect(await ids(`?${query}`)).toEqual(['wanted'])
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['status=99', 'status'],
    ['decision=maybe', 'decision'],
    ['since=yesterday', 'since'],
    ['link=L1', 'link'],
  ])('refuses %s by its name', async (query, field) => {
    const { status, json } = await get(`/v1/records?${query}`)
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual([field])
  })
})

describe('/v1/links/{id}/report', () => {
  it('sums up by client and path', async () => {
    admin.record({ bytes: 100, coverage: 0.4, status: 206, ended_by: 'client' })
    admin.clock.advance(60)
    admin.record({ bytes: 150, coverage: 1, status: 206 })
    admin.record({ bytes: 20, coverage: 0.2, client: '198.51.100.1', ended_by: 'gateway' })
    admin.record({ decision: 'deny', status: 403, reason: 'address_not_allowed', bytes: 7 })
    admin.record({ method: 'HEAD' })
    admin.record({ status: 404, reason: 'object_not_found', bytes: 3 })
    admin.record({ link_id: 'L2', bytes: 1000 })
    const { json } = await get('/v1/links/L1/report')
    expect(json).toEqual({
      id: 'L1',
      requests: 6,
      refused: 1,
      bytes: 280,
      downloads: [
        {
          client: '198.51.100.1',
          path: '/files/a.mp4',
          requests: 1,
          bytes: 20,
          coverage: 0.2,
          first_at: NOW + 60,
          last_at: NOW + 60,
          ended_by: 'gateway',
        },
        {
          client: '203.0.113.7',
          path: '/files/a.mp4',
          requests: 2,
          bytes: 250,
          coverage: 1,
          first_at: NOW,
          last_at: NOW + 60,
          ended_by: 'complete',
        },
      ],
    })
  })

  it('takes a decision for a request, and for no download', async () => {
    admin.record({ link_id: 'L3', route: '/v1/decision', status: 200 })
    const { json } = await get('/v1/links/L3/report')
    expect(json).toEqual({ id: 'L3', requests: 1, refused: 0, bytes: 0, downloads: [] })
  })

  it('knows links whose id has a slash', async () => {
    admin.record({ link_id: 'a/b' })
    expect((await get('/v1/links/a%2Fb/report')).json['id']).toBe('a/b')
  })

  it('is 404 for a link that no record names', async () => {
    admin.record({ link_id: null })
    expect((await get('/v1/links/L9/report')).status).toBe(404)
  })
})

describe('figures and health', () => {
  it('counts', async () => {
    admin.record({ bytes: 100 })
    admin.record({ decision: 'deny', status: 403 })
    admin.run({})
    await admin.services.links.open({
      download: { link: 'k/1', object: '/files/a', client: 'c' },
      now: 0,
      place: { maxConnections: 1, limits: [] },
      uses: undefined,
      wantsFirstAddress: false,
      wantsDownload: false,
      sightings: [],
    })
    await admin.call('POST', '/v1/revocations', { body: { kid: 'k' } })
    expect((await get('/v1/stats')).json).toEqual({
      version: '9.9.9',
      uptime_seconds: expect.any(Number),
      requests: 2,
      denied: 1,
      bytes: 100,
      downloads_open: 1,
      leases_held: 1,
      revocations: 1,
      memory_rss_bytes: expect.any(Number),
      nodes: [
        {
          id: 'node-1',
          host: 'here',
          version: '9.9.9',
          started_at: NOW,
          downloads_open: 1,
        },
      ],
    })
  })

  it('is alive, and ready until it is not', async () => {
    expect((await get('/healthz')).json).toEqual({ status: 'ok' })
    expect((await get('/readyz')).json).toEqual({ status: 'ok' })
    admin.ready = { ready: false, reason: 'draining' }
    const { status, json } = await get('/readyz')
    expect([status, json['code'], json['detail']]).toEqual([503, 'not_ready', 'draining'])
    admin.ready = { ready: false }
    expect((await get('/readyz')).status).toBe(503)
    expect((await get('/healthz')).status).toBe(200)
  })

  it('serves metrics as Prometheus reads them', async () => {
    admin.record({})
    const { headers, text } = await get('/metrics')
    expect(headers['content-type']).toBe(admin.services.metrics.registry.contentType)
    expect(text).toMatch(/^sluice_requests_total\{.*\} 1$/m)
  })

  it('answers HEAD without a body', async () => {
    const { status, text } = await admin.call('HEAD', '/v1/stats', { as: 'read' })
    expect([status, text]).toEqual([200, ''])
  })
})
