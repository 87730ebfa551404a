import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { address } from '../../support/request-parts.ts'
import { type AdminFixture, NOW, startAdmin } from './fixture.ts'

let admin: AdminFixture
beforeEach(async () => {
  admin = await startAdmin()
})
afterEach(() => admin.close())

const put = (cidr: string, body?: unknown, list = 'pirates') =>
  admin.call('PUT', `/v1/lists/${list}/${cidr}`, { as: 'lists', body })
const remove = (cidr: string, list = 'pirates') =>
  admin.call('DELETE', `/v1/lists/${list}/${cidr}`, { as: 'lists' })
const isListed = (text: string): boolean =>
  admin.services.lists.added.of('pirates').has(address(text))

describe('PUT /v1/lists/{name}/{cidr}', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1/32', '192.0.2.1'],
    ['192.0.2.77/24', '192.0.2.0/24'],
    ['192.0.2.77%2F24', '192.0.2.0/24'],
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['2001:DB8::7/64', '2001:db8::/64'],
    ['2001%3Adb8%3A%3A7%2F64', '2001:db8::/64'],
    ['fc00::/7', 'fc00::/7'],
    ['::ffff:192.0.2.77/120', '192.0.2.0/24'],
  ])('takes %s as %s', async (written, cidr) => {
    const { status, json } = await put(written)
    expect(status).toBe(201)
    expect(json).toEqual({
      list: 'pirates',
      cidr,
      note: null,
      added_at: NOW,
      added_by: 'token-lists',
      expires_at: null,
    })
    expect(isListed(cidr.split('/')[0] ?? '')).toBe(true)
  })

  it.each([
    'pirates',
    '192.0.2.0/33',
    '192.0.2/24',
    '192.0.2.0/24/1',
    '192.0.2.0%252F24',
    'fe80::1%25eth0',
    '%zz',
    '10.0.0.0/7',
    '0.0.0.0/0',
    'fc00::/6',
    '::ffff:0:0/96',
  ])('refuses %s by its name', async (cidr) => {
    for (const { status, json } of [await put(cidr), await remove(cidr)]) {
      expect(status).toBe(422)
      expect(json.errors?.map(({ field }) => field)).toEqual(['cidr'])
    }
    expect(admin.services.lists.added.counts().size).toBe(0)
  })

  it.each<[object, number]>([
    [{ expires_in: 60 }, NOW + 60],
    [{ expires_at: NOW + 5, note: 'x'.repeat(500) }, NOW + 5],
  ])('takes %j', async (body, end) => {
    const { status, json } = await put('192.0.2.1', body)
    expect([status, json['expires_at']]).toEqual([201, end])
    expect(isListed('192.0.2.1')).toBe(true)
    admin.clock.advance(end - NOW)
    expect(isListed('192.0.2.1')).toBe(false)
  })

  it.each<[unknown, string]>([
    [{ expires_in: 60, expires_at: NOW + 60 }, 'expires_at'],
    [{ expires_in: 0 }, 'expires_in'],
    [{ expires_in: 1.5 }, 'expires_in'],
    [{ expires_at: NOW }, 'expires_at'],
    [{ note: 'x'.repeat(501) }, 'note'],
    [{ reason: 'spam' }, 'reason'],
    [[], 'body'],
  ])('refuses %j by its field', async (body, field) => {
    const { status, json } = await put('192.0.2.1', body)
    expect(status).toBe(422)
    expect(json.errors?.map((error) => error.field)).toEqual([field])
    expect(isListed('192.0.2.1')).toBe(false)
  })

  it('replaces an entry of the same network with 200', async () => {
    await put('192.0.2.0/24', { expires_in: 60, note: 'first' })
    const { status, json } = await put('192.0.2.9/24')
    expect(status).toBe(200)
    expect(json).toMatchObject({ cidr: '192.0.2.0/24', note: null, expires_at: null })
    expect((await put('192.0.2.0/25')).status).toBe(201)
  })

  it('of one that is over makes a new one', async () => {
    await put('192.0.2.1', { expires_in: 60 })
    admin.clock.advance(60)
    expect((await put('192.0.2.1')).status).toBe(201)
  })

  it('changes nothing when the audit log cannot be written', async () => {
    await put('192.0.2.1')
    admin.breakAudit()
    expect((await put('192.0.2.2')).status).toBe(500)
    expect((await remove('192.0.2.1')).status).toBe(500)
    expect([isListed('192.0.2.1'), isListed('192.0.2.2')]).toEqual([true, false])
  })
})

describe('DELETE /v1/lists/{name}/{cidr}', () => {
  it('takes an entry off, however it is written', async () => {
    await put('192.0.2.0/24')
    expect((await remove('192.0.2.200%2F24')).status).toBe(204)
    expect(isListed('192.0.2.1')).toBe(false)
  })

  it.each([
    ['203.0.113.1', undefined],
    ['192.0.2.1', '192.0.2.1 is in an entry of other width'],
    ['198.51.100.7', 'the source of the list holds 198.51.100.7; only a change there takes it off'],
  ])('of %s, which is no entry, says what is known of it', async (cidr, detail) => {
    await put('192.0.2.0/24')
    const { status, json } = await remove(cidr)
    expect([status, json['code']]).toEqual([404, 'list_entry_not_found'])
    expect(json['detail']).toBe(detail)
    expect(isListed('192.0.2.1')).toBe(true)
  })

  it('of an entry that is over is a 404', async () => {
    await put('192.0.2.1', { expires_in: 60 })
    admin.clock.advance(60)
    expect((await remove('192.0.2.1')).json['code']).toBe('list_entry_not_found')
  })
})

describe('GET /v1/lists', () => {
  it('shows how each list is doing, with what was added', async () => {
    await put('192.0.2.1')
    await put('192.0.2.2', { expires_in: 1 })
    admin.clock.advance(1)
    const { json } = await admin.call('GET', '/v1/lists', { as: 'lists' })
    expect(json).toEqual({
      lists: [
        {
          name: 'pirates',
          format: 'netset',
          anonymizer: null,
          source: 'file',
          entries: 1,
          added: 1,
          refreshed_at: NOW,
          error: null,
          has_data: true,
        },
      ],
    })
  })
})

describe('GET /v1/lists/{name}', () => {
  const page = async (query = ''): Promise<{ cidrs: unknown; next: unknown }> => {
    const { json } = await admin.call('GET', `/v1/lists/pirates${query}`, { as: 'lists' })
    const entries = json['entries'] as { cidr: string }[]
    return { cidrs: entries.map(({ cidr }) => cidr), next: json['next'] }
  }

  it('shows what was added, newest first, in pages', async () => {
    for (const cidr of ['192.0.2.1', '2001:db8::/64', '192.0.2.3']) await put(cidr)
    const first = await page('?limit=2')
    expect(first.cidrs).toEqual(['192.0.2.3', '2001:db8::/64'])
    expect(await page(`?limit=2&after=${first.next as number}`)).toEqual({
      cidrs: ['192.0.2.1'],
      next: null,
    })
    expect(await page()).toEqual({
      cidrs: ['192.0.2.3', '2001:db8::/64', '192.0.2.1'],
      next: null,
    })
  })

  it.each(['limit=0', 'limit=1001', 'after=0', 'after=x', 'list=pirates'])(
    'refuses ?%s',
    async (query) => {
      const { status } = await admin.call('GET', `/v1/lists/pirates?${query}`, { as: 'lists' })
      expect(status).toBe(422)
    },
  )
})

it('a list that the configuration does not have is a 404 everywhere', async () => {
  const replies = [
    await put('192.0.2.1', {}, 'others'),
    await remove('192.0.2.1', 'others'),
    await admin.call('GET', '/v1/lists/others', { as: 'lists' }),
  ]
  for (const { status, json } of replies) {
    expect([status, json['code']]).toEqual([404, 'list_not_found'])
  }
})

it('every change is an audit entry', async () => {
  await put('192.0.2.0/24', { expires_in: 60, note: 'abuse' })
  await remove('192.0.2.0/24')
  await remove('192.0.2.0/24')
  expect(admin.audited()).toMatchObject([
    {
      actor: 'token-lists',
      action: 'list.add',
      target: { list: 'pirates', cidr: '192.0.2.0/24', note: 'abuse', expires_at: NOW + 60 },
    },
    {
      actor: 'token-lists',
      action: 'list.remove',
      target: { list: 'pirates', cidr: '192.0.2.0/24' },
    },
  ])
})
