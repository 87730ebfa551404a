import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KeyFileError } from '../../../src/config/key-files.ts'
import { type AdminFixture, NOW, startAdmin } from './fixture.ts'

let admin: AdminFixture
beforeEach(async () => {
  admin = await startAdmin()
})
afterEach(() => admin.close())

const create = (body: unknown) => admin.call('POST', '/v1/keys', { as: 'keys', body })
const retire = (kid: string, body?: unknown) =>
  admin.call('POST', `/v1/keys/${kid}/retire`, { as: 'keys', body })

describe('keys', () => {
  it.each(['read', 'keys'] as const)(
    'are listed for the scope %s, without their bytes',
    async (as) => {
      const { json } = await admin.call('GET', '/v1/keys', { as })
      const key = { alg: 'HS256', not_before: null, retire_at: null, active: true, signs: true }
      expect(json).toEqual({
        keys: [
          { ...key, kid: 'hmac-1', schemes: ['sluice-hmac'] },
          { ...key, kid: 'jwt-1', schemes: ['sluice-jwt'] },
        ],
      })
    },
  )

  it('are made with the kid that was asked for', async () => {
    const body = { alg: 'HS256', schemes: ['sluice-hmac'], kid: 'next', not_before: NOW + 60 }
    const { status, json } = await create(body)
    expect(status).toBe(201)
    expect(json).toMatchObject({ ...body, active: false, signs: true })
    expect(admin.audited()).toMatchObject([
      { actor: 'token-keys', action: 'key.create', target: body },
    ])
  })

  it('are made with a kid of their own, which the audit entry names', async () => {
    const { json } = await create({ alg: 'RS256', schemes: ['sluice-jwt'] })
    expect(json['kid']).toMatch(/^2027-01-[0-9a-f]{6}$/)
    expect(admin.audited()).toMatchObject([{ target: { kid: json['kid'] } }])
  })

  it.each<[unknown, string[]]>([
    [{}, ['alg', 'schemes']],
    [{ alg: 'none', schemes: ['sluice-jwt'] }, ['alg']],
    [{ alg: 'HS256', schemes: [] }, ['schemes']],
    [{ alg: 'HS256', schemes: ['buny'] }, ['schemes[0]']],
    [{ alg: 'RS256', schemes: ['sluice-hmac'] }, ['schemes[0]']],
    [{ alg: 'ES256', schemes: ['sluice-tag'] }, ['schemes[0]']],
    [{ alg: 'EdDSA', schemes: ['sluice-jwt'] }, ['schemes[0]']],
    [{ alg: 'HS256', schemes: ['sluice-jwt', 'sluice-jwt'] }, ['schemes[1]']],
    [{ alg: 'HS256', schemes: ['sluice-hmac'], kid: 'a/b' }, ['kid']],
    [{ alg: 'HS256', schemes: ['sluice-hmac'], kid: 'hmac-1' }, ['kid']],
    [{ alg: 'HS256', schemes: ['sluice-hmac'], not_before: 'soon' }, ['not_before']],
    [{ alg: 'HS256', schemes: ['sluice-hmac'], k: 'AAAA' }, ['k']],
  ])('are not made of %j', async (body, fields) => {
    const { status, json } = await create(body)
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual(fields)
    expect(admin.keys.list()).toHaveLength(2)
  })

  it('retire now unless told when', async () => {
    const { status, json } = await retire('hmac-1')
    expect([status, json['retire_at'], json['active']]).toEqual([200, NOW, false])
    const later = await retire('jwt-1', { at: NOW + 60 })
    expect([later.json['retire_at'], later.json['active']]).toEqual([NOW + 60, true])
    expect(admin.audited()).toMatchObject([
      { action: 'key.retire', target: { kid: 'hmac-1', at: NOW } },
      { action: 'key.retire', target: { kid: 'jwt-1', at: NOW + 60 } },
    ])
    const mint = await admin.call('POST', '/v1/links', {
      body: { path: '/files/a', scheme: 'sluice-hmac' },
    })
    expect(mint.json.errors?.[0]?.field).toBe('scheme')
  })

  it('that are unknown do not retire', async () => {
    expect((await retire('nobody')).status).toBe(404)
  })

  it.each([{ at: 'now' }, { at: -1 }, { when: 5 }])('do not retire at %j', async (body) => {
    const { status, json } = await retire('hmac-1', body)
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual(Object.keys(body))
  })

  it('do not retire before they begin', async () => {
    await create({ alg: 'HS256', schemes: ['sluice-hmac'], kid: 'next', not_before: NOW + 60 })
    const { status, json } = await retire('next', { at: NOW + 60 })
    expect([status, json.errors?.[0]?.field]).toEqual([422, 'at'])
  })

  it('tell what their files do not allow', async () => {
    admin.keys.failure = new KeyFileError('keys/hmac-next.json is there already')
    const body = { alg: 'HS256', schemes: ['sluice-hmac'], kid: 'next' }
    for (const { status, json } of [await create(body), await retire('hmac-1')]) {
      expect([status, json['code']]).toEqual([409, 'key_conflict'])
      expect(json['detail']).toBe('keys/hmac-next.json is there already')
    }
  })

  it('do not tell why a change failed', async () => {
    admin.keys.failure = new Error('EACCES: /secret/place')
    const { status, text } = await retire('hmac-1')
    expect(status).toBe(500)
    expect(text).not.toContain('secret')
    expect(admin.failures[0]?.error.cause).toBe(admin.keys.failure)
  })

  it('do not change when the audit log cannot be written', async () => {
    admin.breakAudit()
    expect((await create({ alg: 'HS256', schemes: ['sluice-jwt'] })).status).toBe(500)
    expect((await retire('hmac-1')).status).toBe(500)
    expect(admin.keys.list()).toMatchObject([{ active: true }, { active: true }])
  })
})
