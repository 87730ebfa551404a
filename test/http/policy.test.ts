import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/answer-checks.ts'
import { eventually } from '../support/eventually.ts'
import { expectFreed } from '../support/figures.ts'
import { openDownload, type Reply, send } from '../support/http-client.ts'
import { routePerPolicy, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const [A, B, C, D] = ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']
const body = Buffer.alloc(5000, 'p')

let gateway: TestGateway
let links = 0

beforeAll(async () => {
  gateway = await startTestGateway({
    files: {
      'a.bin': body,
      'large.bin': Buffer.alloc(16 * 1024 * 1024),
      'lists/pirates.netset': `# pirates\n${B}\n127.0.1.0/24\n`,
    },
    policies: {
      block: { networks: { block: [`${A}/32`, 'pirates'] } },
      allow: { networks: { allow: ['127.0.0.4/31', 'pirates'] } },
      both: { networks: { allow: ['127.0.0.0/24'], block: ['pirates'] } },
      referrers: { referrers: { allow: ['shop.example', '*.cdn.example'] } },
      none: { referrers: { allow: ['shop.example', 'none'] } },
      prefix: { address: { tolerance: 'prefix' } },
      first: { address: { pin: 'first-use' } },
      'observe-networks': { networks: { block: [`${A}/32`], enforcement: 'observe' } },
      observe: {
        enforcement: 'observe',
        networks: { block: [`${A}/32`] },
        parallel: { maxDownloads: 1 },
        uses: { max: 1 },
        referrers: { allow: ['shop.example'] },
      },
    },
    config: {
      lists: { pirates: { file: '../library/lists/pirates.netset', refreshSeconds: 0.1 } },
    },
    routes: routePerPolicy(
      'block allow both referrers none prefix first observe-networks observe'.split(' '),
    ),
  })
})

afterAll(async () => {
  await gateway.close()
})

const fresh = (path: string, more: Record<string, string | number> = {}): string =>
  gateway.sign(path, { jti: `policy-${++links}`, ...more })

const ask = (target: string, localAddress: string, headers = {}): Promise<Reply> =>
  send(gateway, target, { localAddress, headers })

const statusFor = async (policy: string, localAddress: string): Promise<number> =>
  (await ask(fresh(`/${policy}/a.bin`), localAddress)).status

describe('networks', () => {
  test.each([
    { policy: 'block', open: [C, D], shut: [A, B, '127.0.1.200'] },
    { policy: 'allow', open: [B, C, D, '127.0.1.1'], shut: [A, '127.0.0.6', '127.0.2.1'] },
    { policy: 'both', open: [A, C], shut: [B, '127.0.1.1', '127.0.2.1'] },
  ])('the policy "$policy" lets in $open and keeps out $shut', async ({ policy, open, shut }) => {
    for (const client of open) expect(await statusFor(policy, client), client).toBe(200)
    for (const client of shut) {
      expectProblem(await ask(fresh(`/${policy}/a.bin`), client), 403, 'network_blocked')
    }
  })

  test('a list is read again at its interval, and a broken or wild one leaves the last in force', async () => {
    expect(await statusFor('block', C)).toBe(200)
    replaceList(`${C}\n`)
    await eventually('the new list is in force', async () => (await statusFor('block', C)) === 403)
    expect(await statusFor('block', B)).toBe(200)
    for (const poison of ['0.0.0.0/0\n', 'no address\n', '128.0.0.0/2\n']) {
      const before = gateway.logged.length
      replaceList(poison)
      await eventually('the log tells', () =>
        gateway.logged.slice(before).some((line) => line.startsWith('warn')),
      )
      expect(await statusFor('block', C), poison).toBe(403)
      expect(await statusFor('block', D), poison).toBe(200)
    }
    replaceList(`${B}\n127.0.1.0/24\n`)
    await eventually('the old list is in force', async () => (await statusFor('block', B)) === 403)
    expect(await statusFor('block', C)).toBe(200)
  })

  function replaceList(text: string): void {
    const file = join(gateway.root, 'lists/pirates.netset')
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
})

describe('referrers', () => {
  test.each([
    { referer: 'https://shop.example/page?x=1', status: 200 },
    { referer: 'http://shop.example:8443', status: 200 },
    { referer: 'https://SHOP.example/', status: 200 },
    { referer: 'https://a.cdn.example/', status: 200 },
    { referer: 'https://a.b.cdn.example/', status: 200 },
    { referer: 'https://cdn.example/', status: 403 },
    { referer: 'https://evilcdn.example/', status: 403 },
    { referer: 'https://sub.shop.example/', status: 403 },
    { referer: 'https://shop.example.evil.example/', status: 403 },
    { referer: 'https://evil.example/shop.example', status: 403 },
    { referer: 'https://shop.example@evil.example/', status: 403 },
    { referer: 'https://evil.example/?https://shop.example/', status: 403 },
    { referer: 'shop.example', status: 403 },
    { referer: 'file://shop.example/', status: 403 },
    { referer: '', status: 403 },
  ])('Referer "$referer" is answered with $status', async ({ referer, status }) => {
    const reply = await ask(fresh('/referrers/a.bin'), A, { referer })
    expect(reply.status).toBe(status)
    if (status === 403) expectProblem(reply, 403, 'referrer_not_allowed')
  })

  test('no Referer is let in only where the policy names none', async () => {
    expectProblem(await ask(fresh('/referrers/a.bin'), A), 403, 'referrer_not_allowed')
    expect((await ask(fresh('/none/a.bin'), A)).status).toBe(200)
    const other = await ask(fresh('/none/a.bin'), A, { referer: 'https://evil.example/' })
    expectProblem(other, 403, 'referrer_not_allowed')
  })
})

describe('addresses', () => {
  const integer = (address: string): number =>
    address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)

  test.each([
    { ip: A, open: [A], shut: [B] },
    { ip: String(integer(A)), open: [A], shut: [B] },
    { ip: '127.0.0.4/31', open: [C, D], shut: [B, '127.0.0.6'] },
    { ip: `${A},127.0.1.0/24,2001:db8::/32`, open: [A, '127.0.1.9'], shut: [B] },
    { ip: '::ffff:127.0.0.2', open: [A], shut: [B] },
    { ip: '::1', open: [], shut: [A] },
  ])('a link for ip=$ip', async ({ ip, open, shut }) => {
    const link = fresh('/none/a.bin', { ip })
    for (const client of open) expect((await ask(link, client)).status, client).toBe(200)
    for (const client of shut) expectProblem(await ask(link, client), 403, 'address_not_allowed')
  })

  test('tolerance: prefix widens an address to its /24', async () => {
    const link = fresh('/prefix/a.bin', { ip: A })
    expect((await ask(link, '127.0.0.200')).status).toBe(200)
    expectProblem(await ask(link, '127.0.1.2'), 403, 'address_not_allowed')
  })

  test('pin: first-use binds a link to the first who downloads, not who only looks', async () => {
    const link = fresh('/first/a.bin')
    expect((await send(gateway, link, { method: 'HEAD', localAddress: B })).status).toBe(200)
    const prefetch = await ask(link, B, { 'sec-purpose': 'prefetch' })
    expectProblem(prefetch, 403, 'prefetch_not_allowed')
    expect((await ask(link, A)).status).toBe(200)
    expectProblem(await ask(link, B), 403, 'address_not_allowed')
    expect((await ask(link, A)).status).toBe(200)
  })
})

describe('observe', () => {
  /** The record of a link that was used once more than `before`. */
  async function observedBy(jti: string, count = 1): Promise<unknown[]> {
    let found: unknown[] = []
    await eventually(`${count} records of ${jti}`, async () => {
      const records = (await gateway.records(1)).filter(({ link_id }) => link_id === jti)
      found = records.map(({ decision, observed, status }) => ({ decision, observed, status }))
      return records.length >= count
    })
    return found
  }
  const passed = (observed: string | null): object => ({
    decision: 'permit',
    observed,
    status: 200,
  })

  test('of one rule records what it would refuse, and lets pass', async () => {
    expect((await ask(fresh('/observe-networks/a.bin', { jti: 'o-net' }), A)).status).toBe(200)
    expect(await observedBy('o-net')).toEqual([passed('network_blocked')])
    const wrong = fresh('/observe-networks/a.bin', { ip: B })
    expectProblem(await ask(wrong, A), 403, 'address_not_allowed')
  })

  test.each([
    {
      jti: 'o-none',
      more: {},
      client: B,
      headers: { referer: 'https://shop.example/' },
      observed: null,
    },
    { jti: 'o-ip', more: { ip: C }, client: B, headers: {}, observed: 'address_not_allowed' },
    { jti: 'o-exp', more: { Expires: 1000 }, client: B, headers: {}, observed: 'link_expired' },
    {
      jti: 'o-nbf',
      more: { nbf: 4_000_000_000 },
      client: B,
      headers: {},
      observed: 'link_not_yet_valid',
    },
    { jti: 'o-ref', more: {}, client: B, headers: {}, observed: 'referrer_not_allowed' },
    {
      jti: 'o-bot',
      more: {},
      client: B,
      headers: { referer: 'https://shop.example/', purpose: 'prefetch' },
      observed: 'prefetch_not_allowed',
    },
  ])('of a whole policy: $jti is let in with $observed', async (row) => {
    const link = fresh('/observe/a.bin', { jti: row.jti, ...row.more })
    const reply = await ask(link, row.client, row.headers)
    expect({ status: reply.status, length: reply.body.length }).toEqual({
      status: 200,
      length: 5000,
    })
    expect(await observedBy(row.jti)).toEqual([passed(row.observed)])
  })

  test('of a whole policy: used-up links and full limits are let in, too', async () => {
    const referer = { referer: 'https://shop.example/' }
    const used = fresh('/observe/a.bin', { jti: 'o-use' })
    expect((await ask(used, B, referer)).status).toBe(200)
    expect((await ask(used, C, referer)).status).toBe(200)
    expect(await observedBy('o-use', 2)).toEqual([passed(null), passed('link_used')])

    const full = fresh('/observe/large.bin', { jti: 'o-full' })
    const open = await openDownload(gateway, full, { localAddress: B, headers: referer })
    expect((await ask(full, C, referer)).isComplete).toBe(true)
    expect(await observedBy('o-full')).toEqual([passed('too_many_downloads')])
    open.kill()
    await expectFreed(gateway)
  })

  test('opens nothing that the signature or an operator closes', async () => {
    const link = fresh('/observe/a.bin', { jti: 'o-gone' })
    expectProblem(await ask(link.replace('o-gone', 'o-else'), B), 403, 'link_invalid')
    expectProblem(await ask('/observe/a.bin', B), 401, 'link_missing')
    const revocation = { method: 'POST', body: { link_id: 'o-gone' } }
    expect((await gateway.admin('/v1/revocations', revocation)).status).toBe(201)
    expectProblem(await ask(link, B), 410, 'link_revoked')
  })
})
