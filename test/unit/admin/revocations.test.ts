import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AdminFixture, NOW, startAdmin } from './fixture.ts'

let admin: AdminFixture
beforeEach(async () => {
  admin = await startAdmin()
})
afterEach(() => admin.close())

const revoke = (body: unknown) => admin.call('POST', '/v1/revocations', { as: 'revoke', body })

describe('POST /v1/revocations', () => {
  it.each([
    { link_id: 'L1' },
    { subject: 'alice' },
    { path: '/files/a%20b.mp4' },
    { path: '/files/season%201/*' },
    { path: '/*' },
    { kid: 'hmac-1' },
    { tag: 'T' },
    { issued_before: NOW },
    { link_id: 'L1', subject: 'alice', path: '/files/a', kid: 'k', tag: 't', issued_before: 0 },
  ])('takes %j and shows it as it was written', async (body) => {
    const { status, json, headers } = await revoke(body)
    expect(status).toBe(201)
    expect(json).toEqual({ id: expect.any(String), created_at: NOW, ...body })
    expect(headers['location']).toBe(`/v1/revocations/${json['id'] as string}`)
    const read = await admin.call('GET', headers['location'] as string, { as: 'read' })
    expect(read.json).toEqual(json)
  })

  it('compares paths decoded', async () => {
    await revoke({ path: '/files/a%20b/%C3%BC.mp4' })
    await revoke({ path: '/files/season%201/*' })
    const link = { linkId: 'L', kid: 'k', subject: undefined, tag: undefined, issuedAt: NOW }
    const { revocations } = admin.services
    expect(revocations.find(link, '/files/a b/ü.mp4')).toBeDefined()
    expect(revocations.find(link, '/files/season 1/e1.mp4')).toBeDefined()
    expect(revocations.find(link, '/files/season 10/e1.mp4')).toBeUndefined()
  })

  it.each<[unknown, string]>([
    [{}, 'body'],
    [{ end_downloads: true }, 'body'],
    [[{ link_id: 'a' }], 'body'],
    [{ link_id: '' }, 'link_id'],
    [{ link_id: 5 }, 'link_id'],
    [{ link_id: 'a', linkid: 'a' }, 'linkid'],
    [{ issued_before: '2027' }, 'issued_before'],
    [{ link_id: 'a', end_downloads: 'yes' }, 'end_downloads'],
    [{ path: 'files/a' }, 'path'],
    [{ path: '/files/a b' }, 'path'],
    [{ path: '/files/' }, 'path'],
    [{ path: '/files/%2e%2e/*' }, 'path'],
    [{ path: '/files/a%2Fb' }, 'path'],
  ])('refuses %j by its field', async (body, field) => {
    const { status, json } = await revoke(body)
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual([field])
    expect(admin.services.revocations.list()).toEqual([])
  })

  it('does not take a file that is called * for everything beside it', async () => {
    const { status, json } = await revoke({ path: '/files/%2A' })
    expect(status).toBe(422)
    expect(json.errors?.[0]?.field).toBe('path')
  })

  it('ends the downloads that it withdraws, and no others', async () => {
    const ended = admin.run({ linkId: 'L1' }, 3)
    const other = admin.run({ linkId: 'L2' })
    expect((await revoke({ link_id: 'L1' })).json).not.toHaveProperty('ended_downloads')
    expect(ended).toEqual([])
    const { json } = await revoke({ link_id: 'L1', end_downloads: true })
    expect(json['ended_downloads']).toBe(1)
    expect(ended).toEqual(['gateway', 'gateway', 'gateway'])
    expect(other).toEqual([])
  })

  it.each<[object, object]>([
    [{ path: '/files/a%20b/*' }, { path: '/files/a b/c' }],
    [{ subject: 'alice' }, { subject: 'alice' }],
    [{ tag: 'T' }, { tag: 'T' }],
    [{ kid: 'k2' }, { kid: 'k2' }],
    [{ issued_before: NOW - 500 }, { issuedAt: NOW - 501 }],
    [{ issued_before: NOW - 500 }, { issuedAt: undefined }],
  ])('%j ends what runs by %j', async (body, facts) => {
    const other = admin.run({ linkId: 'other' })
    const ended = admin.run(facts)
    const { json } = await revoke({ ...body, end_downloads: true })
    expect(json['ended_downloads']).toBe(1)
    expect([ended, other]).toEqual([['gateway'], []])
  })

  it('is taken back, and ends nothing, when the audit log cannot be written', async () => {
    const ended = admin.run({})
    admin.breakAudit()
    expect((await revoke({ link_id: 'L1', end_downloads: true })).status).toBe(500)
    expect(admin.services.revocations.list()).toEqual([])
    expect(ended).toEqual([])
  })
})

describe('revocations', () => {
  it('are listed, read and taken back', async () => {
    const { json: first } = await revoke({ link_id: 'a' })
    const { json: second } = await revoke({ path: '/files/x%20y' })
    const list = await admin.call('GET', '/v1/revocations', { as: 'revoke' })
    expect(list.json).toEqual({ revocations: [first, second] })
    const path = `/v1/revocations/${first['id'] as string}`
    expect((await admin.call('DELETE', path, { as: 'revoke' })).status).toBe(204)
    expect((await admin.call('DELETE', path, { as: 'revoke' })).status).toBe(404)
    expect((await admin.call('GET', path, { as: 'read' })).status).toBe(404)
    expect((await admin.call('GET', '/v1/revocations')).json).toEqual({ revocations: [second] })
  })

  it('leave an audit entry when they come and when they go', async () => {
    const { json } = await revoke({ path: '/files/a%20b', end_downloads: true })
    await admin.call('DELETE', `/v1/revocations/${json['id'] as string}`, { as: 'all' })
    expect(admin.audited()).toMatchObject([
      {
        actor: 'token-revoke',
        action: 'revocation.add',
        target: { id: json['id'], path: '/files/a%20b', end_downloads: true },
      },
      { actor: 'token-all', action: 'revocation.remove', target: { id: json['id'] } },
    ])
  })

  it('stay when their removal cannot be audited', async () => {
    const { json } = await revoke({ link_id: 'a' })
    admin.breakAudit()
    const removal = await admin.call('DELETE', `/v1/revocations/${json['id'] as string}`)
    expect(removal.status).toBe(500)
    expect(admin.services.revocations.list()).toHaveLength(1)
  })
})
